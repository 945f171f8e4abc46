/** One card of the board, whatever it shows, with the menu that its layout gives it. */
import { useDeferredValue, useMemo } from "react";
import { changeCard, changeConfig, duplicateCard, removeCard } from "../layout/changes";
import type { ChartSettings } from "../layout/document";
import { newId } from "../layout/use_layout";
import { MediaCard } from "../media/MediaCard";
import { LinePanel } from "../panel/LinePanel";
import { Words } from "../media/Words";
import cardStyles from "../panel/Card.module.css";
import { Boundary } from "../ui/Boundary";
import type { MenuEntry } from "../ui/Menu";
import type { ViewState } from "../url/view_state";
import type { BoardContext } from "./Board";
import type { BoardSection, Card } from "./cards";
import { LINES_KIND, type LinesConfig, metricsOf, readLines } from "./line_config";
import { PanelHost } from "./PanelHost";
import { sectionStepsId } from "./section_steps_id";

interface CardViewProps extends BoardContext {
  card: Card;
  section: BoardSection;
  isFullScreen?: boolean;
}

const NONE: readonly string[] = [];
const NO_ITEMS: readonly MenuEntry[] = [];

/** A card that cannot be shown says so, and leaves the others as they are. */
export function CardView(props: CardViewProps) {
  const { card } = props;
  // The board comes first and its cards then, piece by piece: the page answers while a screen full of charts is made.
  const isDue = useDeferredValue(true, false);
  const broken = (error: Error) => (
    <article className={cardStyles.card} aria-label={card.title}>
      <Words isTrouble>
        <bdi>{card.title}</bdi>
        {` cannot be shown: ${error.message}`}
      </Words>
    </article>
  );
  if (!isDue) return <div className={cardStyles.card} />;
  return (
    <Boundary instead={broken} tried={card}>
      <WholeCard {...props} />
    </Boundary>
  );
}

function WholeCard(props: CardViewProps) {
  const { card, section, project, metrics, runs, groups, events, view, changeView, layout, edit, isFullScreen } = props;
  const { id, title } = card;
  const shown = { project, runs, changeView, isFullScreen };
  const settings = settingsOf(card);
  const own = useMemo(() => (settings ? withSettings(view, settings) : view), [view, settings]);
  const lines = useMemo(() => linesOf(card, metrics), [card, metrics]);
  const extraItems = useMemo(
    () => (layout && edit ? itemsOf(card, section, layout, edit, isFullScreen ?? false) : NO_ITEMS),
    [card, section, layout, edit, isFullScreen],
  );

  if (lines) {
    const change = layout
      ? (part: ChartSettings) =>
          layout.change(
            card.what === "panel"
              ? changeConfig(id, { ...lines.config, settings: { ...settings, ...part } })
              : changeCard(id, { settings: { ...settings, ...part } }),
          )
      : undefined;
    return (
      <LinePanel
        {...shown}
        id={card.what === "line" ? card.metric.key : id}
        title={title}
        metrics={lines.metrics}
        expressions={lines.config.expressions}
        groups={groups}
        events={events}
        view={own}
        yRange={settings?.yRange}
        hasZero={settings?.hasZero}
        changeYRange={change && ((yRange) => change({ yRange }))}
        extraItems={extraItems}
      />
    );
  }
  if (card.what === "media") {
    return (
      <MediaCard
        {...shown}
        view={view}
        metric={card.metric}
        title={title}
        sectionSteps={sectionStepsId(card.section)}
        extraItems={extraItems}
      />
    );
  }
  return card.what === "panel" ? (
    <PanelHost
      {...shown}
      view={view}
      added={card.added}
      title={title}
      changeConfig={(config) => layout?.change(changeConfig(id, config))}
      extraItems={extraItems}
    />
  ) : null;
}

function settingsOf(card: Card): ChartSettings | undefined {
  if (card.what === "line") return card.settings;
  if (card.what === "panel" && card.added.kind === LINES_KIND) return readLines(card.added.config)?.settings;
  return undefined;
}

/** What a chart of lines draws; null for any other card. */
function linesOf(card: Card, known: BoardContext["metrics"]) {
  if (card.what === "line") {
    return { metrics: [card.metric], config: { expressions: NONE } as Pick<LinesConfig, "expressions"> };
  }
  if (card.what !== "panel" || card.added.kind !== LINES_KIND) return null;
  const config = readLines(card.added.config);
  return config && { metrics: metricsOf(config, known), config };
}

/** The view as one chart sees it. */
const withSettings = (view: ViewState, { x, smoothing, isLogX, isLogY, line }: ChartSettings): ViewState => ({
  ...view,
  ...(x !== undefined && { x }),
  ...(smoothing !== undefined && { smoothing }),
  ...(isLogX !== undefined && { isLogX }),
  ...(isLogY !== undefined && { isLogY }),
  ...(line !== undefined && { line }),
});

function itemsOf(
  card: Card,
  section: BoardSection,
  layout: NonNullable<BoardContext["layout"]>,
  edit: (id: string) => void,
  isFullScreen: boolean,
): MenuEntry[] {
  const isAdded = card.what === "panel";
  const duplicate = () => {
    const copy = {
      id: newId(),
      section: card.section,
      ...(isAdded
        ? { kind: card.added.kind, config: card.added.config }
        : {
            kind: LINES_KIND,
            config: {
              metrics: card.what === "line" ? [card.metric.key] : [],
              pattern: "",
              expressions: [],
              settings: (card.what === "line" && card.settings) || {},
            },
          }),
    };
    const order = section.cards.map((one) => one.id);
    layout.change(duplicateCard(copy, card.width, card.id, order));
  };
  return [
    { kind: "action", label: "Edit…", act: () => edit(card.id) },
    ...(card.what === "media" || isFullScreen ? [] : [{ kind: "action" as const, label: "Duplicate", act: duplicate }]),
    ...(isFullScreen
      ? []
      : [
          {
            kind: "action" as const,
            label: isAdded ? "Remove" : "Take away",
            act: () => layout.change(removeCard(card.id)),
          },
        ]),
  ];
}
