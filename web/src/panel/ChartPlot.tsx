/** The drawing of a chart with what lies over it, as React places it. */
import { type ReactNode, useEffect, useRef } from "react";
import styles from "./ChartPlot.module.css";
import { type PlotState, PlotView } from "./plot_view";

type Optional = "onBack" | "marker" | "onMark" | "aggregate" | "pick";

export interface ChartPlotProps extends Omit<PlotState, Optional>, Partial<Pick<PlotState, Optional>> {
  label: string;
  /** Stands over the drawing: what has words or can be pressed. */
  children?: ReactNode;
}

const NOTHING = () => undefined;

export function ChartPlot(props: ChartPlotProps) {
  const { label, children } = props;
  const container = useRef<HTMLDivElement>(null);
  const view = useRef<PlotView | null>(null);

  useEffect(() => {
    const own = new PlotView(container.current!);
    view.current = own;
    return () => {
      own.close();
      view.current = null;
    };
  }, []);

  // After each render: an update that changes nothing draws nothing.
  useEffect(() => {
    const { onBack = NOTHING, marker = null, onMark = null, aggregate = null, pick = null, ...rest } = props;
    view.current?.update({ ...rest, onBack, marker, onMark, aggregate, pick });
  });

  return (
    <div className={styles.area}>
      {/* Arrow keys move the cursor over the chart and read its values out. */}
      <div ref={container} className={styles.plot} role="img" aria-label={label} tabIndex={0} />
      {children}
    </div>
  );
}
