/** The plot of a scatter panel: what is under the pointer, and going from run to run by keys. */
import { type KeyboardEvent, type PointerEvent, useCallback, useMemo, useRef, useState } from "react";
import { navigate } from "wouter/use-browser-location";
import { useTheme } from "../../app/theme";
import { CHART_THEME } from "../../chart/palette";
import { toPixel } from "../../chart/scale";
import { isolated } from "../../format/isolated";
import { formatCount, plural } from "../../format/number";
import { useBox } from "../../media/use_box";
import type { ShownRun } from "../../panel/shown_run";
import { runPath } from "../../url/route";
import { makeAxes } from "../axes";
import { Canvas } from "../Canvas";
import { ColorLegend } from "../ColorLegend";
import { coloringOf } from "../coloring";
import { type ColumnTable, columnTitle, formatColumn, unitOf } from "../columns";
import type { PanelProps } from "../kind";
import styles from "../Panel.module.css";
import { extentOf } from "../statistics";
import { Tip } from "../Tip";
import type { ScatterConfig } from "./config";
import { drawRing, drawScatter } from "./draw";
import { frontierOf, nearestOf, type Point, type Points } from "./points";

// A point is met a little beside it as well.
const REACH_PIXELS = 8;

interface Chosen {
  id: string;
  isByKey: boolean;
}

interface ScatterPlotProps extends PanelProps<ScatterConfig> {
  table: ColumnTable;
  shown: Points;
}

export function ScatterPlot({ project, runs, config, changeView, table, shown }: ScatterPlotProps) {
  const root = useRef<HTMLDivElement>(null);
  const { width, height } = useBox(root);
  const theme = useTheme();
  const [chosen, setChosen] = useState<Chosen | null>(null);

  const axes = useMemo(() => {
    if (width === 0) return null;
    const [xMin, xMax] = extentOf(shown.points.map(({ x }) => x));
    const [yMin, yMax] = extentOf(shown.points.map(({ y }) => y));
    return makeAxes(
      width,
      height,
      { min: xMin, max: xMax, isLog: config.isLogX, unit: unitOf(config.x) },
      { min: yMin, max: yMax, isLog: config.isLogY, unit: unitOf(config.y) },
    );
  }, [shown, width, height, config]);
  const coloring = useMemo(() => {
    const { color } = config;
    if (color === null) return null;
    return coloringOf(
      color,
      shown.points.map(({ run }) => table.value(run.id, color)),
      theme,
    );
  }, [shown, table, config, theme]);
  const colorOf = useCallback(
    ({ run }: Point) =>
      coloring && config.color !== null ? coloring.colorOf(table.value(run.id, config.color)) : run.style.color,
    [coloring, table, config.color],
  );
  const frontier = useMemo(
    () => (config.hasFrontier ? frontierOf(shown.points, config.xGoal, config.yGoal) : null),
    [shown, config],
  );
  const point = useMemo(() => shown.points.find(({ run }) => run.id === chosen?.id) ?? null, [shown, chosen]);
  const draw = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (!axes) return;
      drawScatter(context, { axes, points: shown.points, colorOf, frontier, theme: CHART_THEME[theme] });
    },
    [axes, shown, colorOf, frontier, theme],
  );
  const drawChosen = useCallback(
    (context: CanvasRenderingContext2D) => {
      if (axes && point) drawRing(context, axes, point, colorOf(point), CHART_THEME[theme]);
    },
    [axes, point, colorOf, theme],
  );

  const open = (run: ShownRun) => navigate(runPath(project, run.id));
  const move = (event: PointerEvent<HTMLDivElement>) => {
    if (!axes) return;
    const box = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const nearest = nearestOf(shown.points, axes.x, axes.y, x, y, REACH_PIXELS);
    setChosen(nearest && { id: nearest.run.id, isByKey: false });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && point) open(point.run);
    else if (event.key === "Escape" && point) setChosen(null);
    else if (event.key === "h" && point) changeView({ highlight: point.run.id });
    else {
      const next = neighbour(shown.points, point, event.key);
      if (!next) return;
      setChosen({ id: next.run.id, isByKey: true });
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const columns = [config.x, config.y, config.color, config.size].filter((column) => column !== null);
  return (
    <div className={styles.root}>
      <div className={styles.foot}>
        <span className={styles.grow} title={columnTitle(config.y)}>
          {columnTitle(config.y)}
        </span>
        {coloring && config.color !== null && <ColorLegend column={config.color} coloring={coloring} theme={theme} />}
      </div>
      <div
        ref={root}
        className={styles.plot}
        tabIndex={0}
        role="group"
        data-testid="scatter"
        data-points={shown.points.length}
        data-frontier={frontier?.length}
        aria-label={isolated`${columnTitle(config.y)} over ${columnTitle(config.x)}: ${plural(shown.points.length, "run")}. Arrow keys go from run to run, Enter opens one.`}
        style={{ cursor: point ? "pointer" : undefined }}
        onPointerMove={move}
        onPointerLeave={() => setChosen(null)}
        onBlur={() => setChosen(null)}
        onClick={() => point && open(point.run)}
        onKeyDown={onKeyDown}
      >
        <Canvas width={width} height={height} draw={draw} />
        <Canvas width={width} height={height} draw={drawChosen} />
        {point && axes && (
          <Tip
            place={{ x: toPixel(axes.x, point.x), y: toPixel(axes.y, point.y), width, height }}
            title={point.run.name}
            style={point.run.style}
            isSaid={chosen?.isByKey}
            rows={[...new Set(columns)].map((column) => [
              columnTitle(column),
              formatColumn(column, table.value(point.run.id, column)),
            ])}
          />
        )}
      </div>
      <div className={styles.foot}>
        <span className={styles.grow}>{captionOf(shown.points.length, runs.length, shown.unshownCount, frontier)}</span>
        <span>{columnTitle(config.x)}</span>
      </div>
    </div>
  );
}

/** The next run to the right or left, the first and the last; null for other keys. */
function neighbour(points: readonly Point[], from: Point | null, key: string): Point | null {
  const steps: Record<string, number> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  const isEnd = key === "Home" || key === "End";
  if (!isEnd && !(key in steps)) return null;
  const along = key === "ArrowUp" || key === "ArrowDown" ? "y" : "x";
  const sorted = [...points].sort((a, b) => a[along] - b[along]);
  if (isEnd || !from) return sorted.at(key === "End" || steps[key] === -1 ? -1 : 0)!;
  const place = sorted.indexOf(from) + steps[key];
  return sorted[Math.min(sorted.length - 1, Math.max(0, place))];
}

function captionOf(count: number, runCount: number, unshown: number, frontier: readonly Point[] | null): string {
  const parts = [count < runCount ? `${formatCount(count)} of ${plural(runCount, "run")}` : plural(count, "run")];
  if (unshown > 0) parts.push(`${formatCount(unshown)} not above 0`);
  if (frontier) parts.push(`${formatCount(frontier.length)} on the frontier`);
  return parts.join(" · ");
}
