/** The bars of one histogram, with an axis and what the pointer is at. */
import { type PointerEvent, useMemo, useRef, useState } from "react";
import { linearTicks } from "../chart/ticks";
import { formatValue } from "../format/number";
import { type Bars, barsPath, binAt } from "./histogram";
import { AXIS_HEIGHT, Hint, type HintPlace, AxisWords } from "./PlotParts";
import styles from "./BarsPlot.module.css";
import { useBox } from "./use_box";

const TICK_PIXELS = 72;
// Room above the highest bar for its count.
const HEAD_HEIGHT = 16;

interface BarsPlotProps {
  bars: Bars;
  height: number;
  label: string;
}

export function BarsPlot({ bars, height, label }: BarsPlotProps) {
  const root = useRef<HTMLDivElement>(null);
  const { width } = useBox(root);
  const [hover, setHover] = useState<(HintPlace & { bin: number }) | null>(null);
  const room = Math.max(0, height - AXIS_HEIGHT - HEAD_HEIGHT);
  const path = useMemo(() => barsPath(bars, width, room), [bars, width, room]);
  const { edges } = bars;
  const [first, last] = [edges[0], edges[edges.length - 1]];
  const range = last - first || 1;
  const ticks = first < last ? linearTicks(first, last, Math.max(2, width / TICK_PIXELS)) : [];

  const move = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const bin = binAt(edges, first + (x / width) * range);
    setHover(bin === null ? null : { x, y, width, bin });
  };
  const mark = hover && { left: edges[hover.bin], right: edges[hover.bin + 1] };
  return (
    <div
      ref={root}
      className={styles.plot}
      style={{ height }}
      onPointerMove={move}
      onPointerLeave={() => setHover(null)}
    >
      <span className={styles.most}>{bars.most > 0 ? formatValue(bars.most) : "nothing counted"}</span>
      <svg width={width} height={room} role="img" aria-label={label}>
        {mark && (
          <rect
            className={styles.mark}
            x={((mark.left - first) / range) * width}
            width={((mark.right - mark.left) / range) * width}
            height={room}
          />
        )}
        <path className={styles.bars} d={path} />
      </svg>
      <AxisWords
        ticks={ticks.map(({ value, label: text }) => ({ at: ((value - first) / range) * width, text }))}
        width={width}
      />
      {hover && mark && (
        <Hint place={hover}>
          {`${formatValue(mark.left)} to ${formatValue(mark.right)}: `}
          <b>{formatValue(bars.counts[hover.bin])}</b>
        </Hint>
      )}
    </div>
  );
}
