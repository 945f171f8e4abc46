/** The values under the cursor: all visible runs, nearest to the pointer first. */
import { useLayoutEffect, useRef, useSyncExternalStore } from "react";
import { type Hit, hitsAt } from "../chart/hit";
import { toPixel } from "../chart/scale";
import { formatMeasure } from "../format/measure";
import { formatCount, formatExact, formatValue } from "../format/number";
import { RunSwatch } from "../ui/RunSwatch";
import { formatX } from "./axis";
import { getCursor, subscribeCursor } from "./cursor";
import styles from "./Tooltip.module.css";

const ROWS_MAX = 12;
const GAP_PIXELS = 14;
// A point this near to the cursor is under it; one farther away is listed with its own x.
const NEAR_PIXELS = 3;

export function Tooltip() {
  const cursor = useSyncExternalStore(subscribeCursor, getCursor);
  const box = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !cursor) return;
    const { offsetWidth: width, offsetHeight: height } = element;
    const isLeft = cursor.clientX + GAP_PIXELS + width > innerWidth;
    const left = Math.max(4, isLeft ? cursor.clientX - GAP_PIXELS - width : cursor.clientX + GAP_PIXELS);
    const top = Math.max(4, Math.min(cursor.clientY + GAP_PIXELS, innerHeight - height - 4));
    element.style.transform = `translate(${left}px, ${top}px)`;
  }, [cursor]);

  const model = cursor?.source.shownModel;
  const frame = cursor?.source.frame;
  if (!cursor || !model || !frame) return null;
  const hits = hitsAt(model, frame, cursor.sourceX, cursor.pixelY);
  if (hits.length === 0) return null;
  const pixelOf = (x: number) => toPixel(frame.x, x);
  const first = hits[0];
  const headX = first.range ? cursor.sourceX : first.x;
  const isElsewhere = (hit: Hit) => !hit.range && Math.abs(pixelOf(hit.x) - pixelOf(headX)) > NEAR_PIXELS;
  const hasSmoothed = hits.some((hit) => hit.smoothed !== null);
  const { measure } = model;
  const write = (value: number, digits: number) =>
    measure ? formatMeasure(value, measure) : formatValue(value, digits);
  const rangeText = ({ range }: Hit) => (range ? `${write(range[0], 4)} … ${write(range[1], 4)}` : "");
  const hasRange = hits.some((hit) => hit.range !== null && hit.range[0] !== hit.range[1]);

  return (
    <div
      ref={box}
      className={styles.tooltip}
      aria-live={cursor.pixelY === null ? "polite" : "off"}
      data-testid="tooltip"
    >
      <div className={styles.head}>
        {formatX(cursor.axis, cursor.axis === "step" ? Math.round(headX) : headX, model.xBase)}
      </div>
      <table>
        {(hasSmoothed || hasRange) && (
          <thead>
            <tr>
              <td />
              {hasSmoothed && <th scope="col">smoothed</th>}
              <th scope="col">{hasRange ? model.line : "value"}</th>
              {hasRange && <th scope="col">min … max</th>}
            </tr>
          </thead>
        )}
        <tbody>
          {hits.slice(0, ROWS_MAX).map((hit, index) => (
            <tr key={hit.series.id} className={index === 0 && cursor.pixelY !== null ? styles.nearest : undefined}>
              <th scope="row">
                <RunSwatch style={hit.series.style} />
                <span className={styles.name}>{cursor.nameOf(hit.series.id)}</span>
              </th>
              {hasSmoothed && <td>{hit.smoothed === null ? "" : write(hit.smoothed, 5)}</td>}
              <td title={formatExact(hit.y)}>{write(hit.y, 5)}</td>
              {hasRange && <td className={styles.range}>{rangeText(hit)}</td>}
              {isElsewhere(hit) && <td className={styles.range}>{formatX(cursor.axis, hit.x, model.xBase)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {hits.length > ROWS_MAX && <div className={styles.more}>and {formatCount(hits.length - ROWS_MAX)} more</div>}
    </div>
  );
}
