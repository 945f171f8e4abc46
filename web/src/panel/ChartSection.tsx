/** A section of charts and, behind them, media: folds, and holds in the page only the rows of charts near the screen. */
import { memo, useRef } from "react";
import { formatCount } from "../format/number";
import { MediaGrid } from "../media/MediaGrid";
import { ChevronIcon } from "../ui/icons";
import { useWidth } from "../ui/use_size";
import { useWindow } from "../ui/use_window";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { type Section, titleIn } from "./sections";
import { ChartCard } from "./ChartCard";
import styles from "./ChartSection.module.css";
import type { ChartMetric, ShownRun } from "./shown_run";

const CARD_WIDTH_MIN = 320;
const CARD_HEIGHT = 236;
const GAP = 8;
// About a row and a half of charts before they come onto the screen.
const MARGIN_PIXELS = 400;

interface ChartSectionProps {
  project: string;
  section: Section;
  metrics: ReadonlyMap<string, ChartMetric>;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export const ChartSection = memo(function ChartSection(props: ChartSectionProps) {
  const { section, view, changeView } = props;
  const isClosed = view.closed.includes(section.name);
  const toggle = () =>
    changeView({
      closed: isClosed ? view.closed.filter((name) => name !== section.name) : [...view.closed, section.name],
    });
  return (
    <section className={styles.section} data-testid="section" data-section={section.name}>
      <h2>
        <button type="button" className="quiet" aria-expanded={!isClosed} onClick={toggle}>
          <span className={styles.chevron} data-open={!isClosed}>
            <ChevronIcon />
          </span>
          {section.name}
          <span className={styles.count}>{formatCount(section.keys.length + section.media.length)}</span>
        </button>
      </h2>
      {!isClosed && section.keys.length > 0 && <ChartGrid {...props} />}
      {!isClosed && section.media.length > 0 && (
        <MediaGrid
          project={props.project}
          section={section.name}
          media={section.media}
          runs={props.runs}
          view={view}
          changeView={changeView}
        />
      )}
    </section>
  );
});

function ChartGrid({ project, section, metrics, runs, view, changeView }: ChartSectionProps) {
  const grid = useRef<HTMLDivElement>(null);
  const width = useWidth(grid);
  const columns = Math.max(1, Math.floor((width + GAP) / (CARD_WIDTH_MIN + GAP)));
  const rowCount = Math.ceil(section.keys.length / columns);
  const rowHeight = CARD_HEIGHT + GAP;
  const { first, end } = useWindow(grid, rowCount, rowHeight, MARGIN_PIXELS);
  const keys = width > 0 ? section.keys.slice(first * columns, end * columns) : [];
  return (
    <div ref={grid} style={{ height: rowCount * rowHeight }}>
      <div
        className={styles.grid}
        style={{
          gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
          transform: `translateY(${first * rowHeight}px)`,
        }}
      >
        {keys.map((key) => (
          <ChartCard
            key={key}
            project={project}
            metric={metrics.get(key)!}
            title={titleIn(section.name, key)}
            runs={runs}
            view={view}
            changeView={changeView}
          />
        ))}
      </div>
    </div>
  );
}
