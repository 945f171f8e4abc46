/** The media cards of a section; only the rows near the screen are in the page. */
import { useMemo, useRef } from "react";
import { titleIn } from "../panel/sections";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import { useWidth } from "../ui/use_size";
import { useWindow } from "../ui/use_window";
import type { ChangeView } from "../url/use_view";
import { mediaId, type ViewState } from "../url/view_state";
import { cardRows } from "./card_rows";
import { MediaCard } from "./MediaCard";
import styles from "./MediaGrid.module.css";

const CARD_WIDTH_MIN = 320;
const CARD_HEIGHT = 340;
const GAP = 8;
// About a row of cards before they come onto the screen.
const MARGIN_PIXELS = 400;

interface MediaGridProps {
  project: string;
  section: string;
  media: readonly MediaMetric[];
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function MediaGrid({ project, section, media, runs, view, changeView }: MediaGridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const width = useWidth(grid);
  const columns = Math.max(1, Math.floor((width + GAP) / (CARD_WIDTH_MIN + GAP)));
  const rows = useMemo(
    () => (width > 0 ? cardRows(media, runs.length, columns, (width + GAP) / columns) : []),
    [media, runs.length, columns, width],
  );
  const rowHeight = CARD_HEIGHT + GAP;
  const { first, end } = useWindow(grid, rows.length, rowHeight, MARGIN_PIXELS);
  return (
    <div ref={grid} style={{ height: rows.length * rowHeight }}>
      <div
        className={styles.grid}
        style={{
          gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
          transform: `translateY(${first * rowHeight}px)`,
        }}
      >
        {rows.slice(first, end).map((row) =>
          row.map(({ metric, span }, at) => (
            <div
              key={mediaId(metric.kind, metric.key)}
              className={styles.place}
              // The first card of a row begins it, whatever room is left in the row before.
              style={{ gridColumn: at === 0 ? `1 / span ${span}` : `span ${span}` }}
            >
              <MediaCard
                project={project}
                metric={metric}
                title={titleIn(section, metric.key)}
                runs={runs}
                view={view}
                changeView={changeView}
              />
            </div>
          )),
        )}
      </div>
    </div>
  );
}
