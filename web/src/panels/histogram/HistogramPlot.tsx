/** The bars of a histogram of runs, with its axes and what the pointer or the keys are at. */
import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { toPixel, toValue } from "../../chart/scale";
import { isolated } from "../../format/isolated";
import { formatCount, plural } from "../../format/number";
import { useBox } from "../../media/use_box";
import { makeAxes } from "../axes";
import { type ColumnTable, columnTitle, formatNumber, unitOf } from "../columns";
import type { PanelProps } from "../kind";
import panelStyles from "../Panel.module.css";
import { Tip } from "../Tip";
import type { Bins } from "./bins";
import type { HistogramConfig } from "./config";
import styles from "./HistogramPlot.module.css";

// Names of runs that a bin lists; more would hide the picture.
const NAMES_MAX = 6;

interface HistogramPlotProps extends PanelProps<HistogramConfig> {
  table: ColumnTable;
  all: Bins;
}

export function HistogramPlot({ runs, config, table, all }: HistogramPlotProps) {
  const root = useRef<HTMLDivElement>(null);
  const { width, height } = useBox(root);
  const [at, setAt] = useState<{ bin: number; isByKey: boolean } | null>(null);
  const { bins } = all;
  const { column } = config;
  const title = columnTitle(column);
  const axes = makeAxes(
    width,
    height,
    { min: bins[0].from, max: bins[bins.length - 1].to, isLog: config.isLog, unit: unitOf(column) },
    { min: 0, max: all.most, isLog: false, unit: "count" },
  );
  // Counts begin at the axis.
  axes.y.min = 0;
  const { plot } = axes;
  const strong = runs.find((run) => run.emphasis === "strong");
  const strongValue = strong ? table.number(strong.id, column) : Number.NaN;

  const move = (event: PointerEvent<HTMLDivElement>) => {
    const x = toValue(axes.x, event.clientX - event.currentTarget.getBoundingClientRect().left);
    const bin = bins.findIndex(({ from, to }) => x >= from && x <= to);
    setAt(bin === -1 ? null : { bin, isByKey: false });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const bin = at ? at.bin + by : by > 0 ? 0 : bins.length - 1;
    setAt({ bin: Math.min(bins.length - 1, Math.max(0, bin)), isByKey: true });
  };
  const chosen = at && bins[at.bin];
  return (
    <div className={panelStyles.root}>
      <div
        ref={root}
        className={panelStyles.plot}
        tabIndex={0}
        role="group"
        data-testid="runs-histogram"
        data-bins={bins.length}
        aria-label={isolated`Distribution of ${title} over ${plural(all.runCount, "run")}. Arrow keys go from bin to bin.`}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
        onBlur={() => setAt(null)}
        onKeyDown={onKeyDown}
      >
        {width > 0 && (
          <svg width={width} height={height} className={styles.picture} aria-hidden="true">
            {axes.yTicks.map(({ value, label }) => (
              <g key={value}>
                <line x1={plot.left} x2={plot.right} y1={toPixel(axes.y, value)} y2={toPixel(axes.y, value)} />
                <text x={plot.left - 6} y={toPixel(axes.y, value)} dy="0.35em" textAnchor="end">
                  {label}
                </text>
              </g>
            ))}
            {bins.map(({ from, to, runs: inside }, index) => {
              const [left, right] = [toPixel(axes.x, from), toPixel(axes.x, to)];
              const top = toPixel(axes.y, inside.length);
              return (
                <rect
                  key={index}
                  data-chosen={at?.bin === index || undefined}
                  x={left + 0.5}
                  width={Math.max(1, right - left - 1)}
                  y={top}
                  height={Math.max(0, plot.bottom - top)}
                />
              );
            })}
            {!Number.isNaN(strongValue) && (
              <line
                className={styles.mark}
                x1={toPixel(axes.x, strongValue)}
                x2={toPixel(axes.x, strongValue)}
                y1={plot.top}
                y2={plot.bottom}
              />
            )}
            {axes.xTicks.map(({ value, label }) => (
              <text key={value} x={toPixel(axes.x, value)} y={plot.bottom + 16} textAnchor="middle">
                {label}
              </text>
            ))}
          </svg>
        )}
        {at && chosen && (
          <Tip
            place={{
              x: (toPixel(axes.x, chosen.from) + toPixel(axes.x, chosen.to)) / 2,
              y: toPixel(axes.y, chosen.runs.length),
              width,
              height,
            }}
            title={plural(chosen.runs.length, "run")}
            isSaid={at.isByKey}
            rows={[[title, `${formatNumber(column, chosen.from, 4)} to ${formatNumber(column, chosen.to, 4)}`]]}
          >
            {chosen.runs.slice(0, NAMES_MAX).map((run) => (
              <div key={run.id}>{run.name}</div>
            ))}
            {chosen.runs.length > NAMES_MAX && <div>{`and ${formatCount(chosen.runs.length - NAMES_MAX)} more`}</div>}
          </Tip>
        )}
      </div>
      <div className={panelStyles.foot}>
        <span className={panelStyles.grow}>
          {[
            plural(all.runCount, "run"),
            all.missingCount > 0 ? `${formatCount(all.missingCount)} without a number` : "",
            all.unshownCount > 0 ? `${formatCount(all.unshownCount)} not above 0` : "",
          ]
            .filter(Boolean)
            .join(" · ")}
          {strong && !Number.isNaN(strongValue) && (
            <>
              {" · "}
              <bdi>{strong.name}</bdi>: {formatNumber(column, strongValue, 4)}
            </>
          )}
        </span>
        <span>{title}</span>
      </div>
    </div>
  );
}
