/** All cards of a page in their sections: one long list, of which only what is near the screen is in the page. */
import { type ReactNode, useMemo, useRef } from "react";
import type { LayoutHandle } from "../layout/use_layout";
import { changeCard, moveCard, setSectionHeight } from "../layout/changes";
import type { ChartEvent } from "../panel/chart_event";
import type { ChartGroup } from "../panel/chart_lines";
import type { ChartMetric, ShownRun } from "../panel/shown_run";
import { useWidth } from "../ui/use_size";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./Board.module.css";
import { type Block, type Blocks, CARD_HEIGHT, GAP, makeBlocks, type Place, type RowBlock } from "./blocks";
import { CardFrame } from "./CardFrame";
import { CardView } from "./CardView";
import type { BoardSection } from "./cards";
import type { Target } from "./drag";
import { SectionHeader } from "./SectionHeader";
import { Sparklines } from "./Sparklines";
import { useBlocksInView } from "./use_blocks_in_view";

/** What every card of a board is shown with. */
export interface BoardContext {
  project: string;
  /** The metrics drawn as lines, by name. */
  metrics: ReadonlyMap<string, ChartMetric>;
  runs: readonly ShownRun[];
  /** What is drawn in the place of the single runs; null where these are. */
  groups: readonly ChartGroup[] | null;
  /** What happened in the runs. */
  events: readonly ChartEvent[];
  view: ViewState;
  changeView: ChangeView;
  /** Null where the board cannot be changed. */
  layout: LayoutHandle | null;
  /** Opens the fields of a card. */
  edit: ((id: string) => void) | null;
}

export interface BoardProps extends BoardContext {
  sections: readonly BoardSection[];
  /** Opens the choice of a panel for a section. */
  add: ((section: string) => void) | null;
}

export function Board(props: BoardProps) {
  const { sections, runs, view } = props;
  const root = useRef<HTMLDivElement>(null);
  const width = useWidth(root);
  const isTree = view.sections === "tree";
  const runCount = runs.length;
  const blocks = useMemo<Blocks>(
    () =>
      width > 0
        ? makeBlocks(sections, { width, runCount, closed: new Set(view.closed), isTree })
        : { list: [], height: 0 },
    [sections, width, runCount, view.closed, isTree],
  );
  const { first, end } = useBlocksInView(root, blocks.list);
  const order = useMemo(() => sections.map((section) => section.name), [sections]);
  return (
    <div ref={root} className={styles.board} style={{ height: blocks.height }}>
      {blocks.list.slice(first, end).map((block) => (
        <div
          key={block.key}
          className={styles.block}
          style={{ transform: `translateY(${block.top}px)`, height: block.height }}
          data-section={block.section.name}
          data-drop-section={block.what === "row" ? undefined : block.section.name}
        >
          <BlockView {...props} block={block} order={order} />
        </div>
      ))}
    </div>
  );
}

function BlockView(props: BoardProps & { block: Block; order: readonly string[] }): ReactNode {
  const { project, block, runs, view, changeView } = props;
  const { section } = block;
  switch (block.what) {
    case "header":
      return <SectionHeader {...props} block={block} />;
    case "sparklines":
      return <Sparklines project={project} section={section} runs={runs} view={view} changeView={changeView} />;
    case "empty":
      return <p className={styles.empty}>This section is empty. Move a card here, or add a panel by its menu.</p>;
    case "row":
      return <RowView {...props} block={block} />;
  }
}

function RowView({ block, layout, ...shown }: BoardProps & { block: RowBlock; order: readonly string[] }) {
  const { section, columns, places } = block;
  const height = block.height - GAP;
  return (
    <div className={styles.row} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, height }}>
      {places.map((place) => (
        <div
          key={place.card.id}
          className={styles.place}
          style={{ gridColumn: `${place.column + 1} / span ${place.span}` }}
        >
          {layout ? (
            <FramedCard {...shown} layout={layout} section={section} place={place} columns={columns} height={height} />
          ) : (
            <CardView {...shown} layout={null} card={place.card} section={section} />
          )}
        </div>
      ))}
    </div>
  );
}

interface FramedCardProps extends Omit<BoardProps, "layout"> {
  layout: LayoutHandle;
  section: BoardSection;
  order: readonly string[];
  place: Place;
  columns: number;
  height: number;
}

function FramedCard({ layout, section, order, place, columns, height, ...shown }: FramedCardProps) {
  const { card, span } = place;
  const ids = section.cards.map((one) => one.id);
  const at = ids.indexOf(card.id);
  const cardsOf = (name: string) => shown.sections.find((one) => one.name === name)?.cards.map((one) => one.id) ?? [];
  const move = (target: Target) =>
    layout.change(moveCard(card.id, target.section, target.before, cardsOf(target.section)));
  const moveBy = (by: -1 | 1, what: "card" | "section") => {
    if (what === "card") {
      const other = ids[at + (by === 1 ? 2 : -1)];
      if (by === 1 ? at < ids.length - 1 : at > 0) move({ section: section.name, before: other ?? null });
      return;
    }
    const next = order[order.indexOf(section.name) + by];
    if (next !== undefined) move({ section: next, before: null });
  };
  // The height is that of the section's charts: a row with records in it is higher by the same for every height.
  const own = section.height ?? CARD_HEIGHT;
  const resize = (wantedSpan: number, wantedHeight: number) =>
    layout.change((before) => {
      const sized = wantedSpan === span ? before : changeCard(card.id, { width: wantedSpan })(before);
      return wantedHeight === height
        ? sized
        : setSectionHeight(section.name, own + Math.round(wantedHeight - height))(sized);
    });
  return (
    <CardFrame
      id={card.id}
      name={card.title}
      section={section.name}
      next={ids[at + 1] ?? null}
      span={span}
      columns={columns}
      height={height}
      move={move}
      moveBy={moveBy}
      resize={resize}
    >
      <CardView {...shown} layout={layout} card={card} section={section} />
    </CardFrame>
  );
}
