/** Types the ends of a chart's axes: of x for all charts over the same axis, of y for this one where it can keep them. */
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import type { XAxis } from "../api/series";
import type { Frame } from "../chart/frame";
import type { ChartModel, YRange } from "../chart/model";
import { axisLabel } from "./axis";
import styles from "./RangeDialog.module.css";
import { momentText, parseEnds } from "./typed_range";
import { type Range, settled } from "./zoom";

interface RangeDialogProps {
  axis: XAxis;
  painted: { frame: Frame; model: ChartModel };
  isZoomed: boolean;
  zoom: (range: Range | null, isGesture: boolean) => void;
  yRange?: YRange;
  changeYRange?: (range: YRange) => void;
  onClose: () => void;
}

export default function RangeDialog({
  axis,
  painted,
  isZoomed,
  zoom,
  yRange,
  changeYRange,
  onClose,
}: RangeDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const [problem, setProblem] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  const base = Number(painted.model.xBase);
  const isMoment = axis === "wall_time";
  const { x } = painted.frame;
  const write = (value: number) =>
    isMoment ? momentText(value + base) : String(Number((value + base).toPrecision(12)));
  const unit = axis === "relative_time" ? " (seconds since start)" : "";

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? "").trim();
    const xEnds = parseEnds(field("x-from"), field("x-to"), isMoment);
    const yEnds = parseEnds(field("y-from"), field("y-to"), false);
    if (typeof xEnds === "string") return setProblem(`${axisLabel(axis)}: ${xEnds}`);
    if (typeof yEnds === "string") return setProblem(`y: ${yEnds}`);
    const whole = painted.model.xWhole;
    const low = xEnds[0] ?? (whole ? whole[0] + base : null);
    const high = xEnds[1] ?? (whole ? whole[1] + base : null);
    if (xEnds[0] === null && xEnds[1] === null) zoom(null, false);
    else if (low !== null && high !== null) {
      const range = settled([low, high], axis === "step");
      if (!range) return setProblem(`${axisLabel(axis)}: the first end must lie before the second.`);
      zoom(range, false);
    }
    changeYRange?.(yEnds);
    dialog.current?.close();
  };
  const xType = isMoment ? { type: "datetime-local", step: 1 } : { type: "text", inputMode: "decimal" as const };
  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <h2 id={titleId}>Range of the axes</h2>
        <fieldset>
          <legend>
            {axisLabel(axis)}
            {unit}, of all charts over it
          </legend>
          <input
            {...xType}
            name="x-from"
            aria-label="x from"
            defaultValue={isZoomed ? write(x.min) : ""}
            placeholder="from the first"
          />
          <span>to</span>
          <input
            {...xType}
            name="x-to"
            aria-label="x to"
            defaultValue={isZoomed ? write(x.max) : ""}
            placeholder="to the last"
          />
        </fieldset>
        {changeYRange && (
          <fieldset>
            <legend>y, of this chart</legend>
            <input
              type="text"
              inputMode="decimal"
              name="y-from"
              aria-label="y from"
              defaultValue={yRange?.[0] ?? ""}
              placeholder="by the values"
            />
            <span>to</span>
            <input
              type="text"
              inputMode="decimal"
              name="y-to"
              aria-label="y to"
              defaultValue={yRange?.[1] ?? ""}
              placeholder="by the values"
            />
          </fieldset>
        )}
        <p className={styles.problem} role="alert">
          {problem}
        </p>
        <div className={styles.buttons}>
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit">Set range</button>
        </div>
      </form>
    </dialog>
  );
}
