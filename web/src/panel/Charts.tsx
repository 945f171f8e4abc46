/** All charts and media of a page, in sections, with the tooltip the charts share and the one card shown full screen. */
import { useMemo, useState } from "react";
import { AddDialog } from "../board/AddDialog";
import { Board } from "../board/Board";
import { CardView } from "../board/CardView";
import { type BoardSection, type Card, lineId, makeBoard } from "../board/cards";
import { EditDialog } from "../board/EditDialog";
import { titleOf } from "../board/titles";
import { showHidden } from "../layout/changes";
import { useEvents } from "../data/use_events";
import { EMPTY_LAYOUT } from "../layout/document";
import type { LayoutHandle } from "../layout/use_layout";
import { plural } from "../format/number";
import { useStepKeys } from "../media/use_step_keys";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { matcher } from "../ui/matcher";
import { CardDialog } from "./CardDialog";
import type { ChartGroup } from "./chart_lines";
import styles from "./Charts.module.css";
import type { ChartMetric, MediaMetric, ShownRun } from "./shown_run";
import { Tooltip } from "./Tooltip";

interface ChartsProps {
  project: string;
  metrics: readonly ChartMetric[];
  media: readonly MediaMetric[];
  runs: readonly ShownRun[];
  /** Lines in the place of the single runs. */
  groups?: readonly ChartGroup[] | null;
  view: ViewState;
  changeView: ChangeView;
  /** How a person has arranged them; null where they cannot be. */
  layout?: LayoutHandle | null;
}

interface Found {
  card: Card;
  section: BoardSection;
}

function findCard(sections: readonly BoardSection[], isWanted: (id: string) => boolean): Found | null {
  for (const section of sections) {
    const card = section.cards.find((one) => isWanted(one.id));
    if (card) return { card, section };
  }
  return null;
}

export function Charts(props: ChartsProps) {
  const { project, metrics, media, runs, groups = null, view, changeView, layout = null } = props;
  const [edited, edit] = useState<string | null>(null);
  const [addedTo, add] = useState<string | null>(null);
  const byKey = useMemo(() => new Map(metrics.map((metric) => [metric.key, metric])), [metrics]);
  const metricNames = useMemo(() => [...byKey.keys()], [byKey]);
  const arranged = layout?.layout ?? EMPTY_LAYOUT;
  const whole = useMemo(
    () => makeBoard(metrics, media, arranged, view.sections, (card) => titleOf(card, arranged.cards[card.id])),
    [metrics, media, arranged, view.sections],
  );
  const sections = useMemo(() => searched(whole.sections, view.metrics), [whole, view.metrics]);
  // What is full screen or edited need not be among what the search finds.
  const { panel, media: medium } = view;
  const open = findCard(whole.sections, (id) =>
    panel !== null ? id === panel || id === lineId(panel) : id === medium,
  );
  const editedCard = edited === null ? null : findCard(whole.sections, (id) => id === edited);

  const events = useEvents(
    project,
    useMemo(() => (groups ? [] : runs.map((run) => run.id)), [groups, runs]),
  );
  useStepKeys(project, media, runs, view, changeView);
  const shown = {
    project,
    events,
    metrics: byKey,
    runs,
    groups,
    view,
    changeView,
    layout,
    edit: layout && edit,
  };
  const isNothingFound = sections.length === 0 && view.metrics !== "";
  return (
    <>
      {isNothingFound ? (
        <p className={styles.none} role="status">
          No metric matches “{view.metrics}”.{" "}
          <button type="button" onClick={() => changeView({ metrics: "" })}>
            Clear the search
          </button>
        </p>
      ) : (
        <Board {...shown} sections={sections} add={layout && add} />
      )}
      {layout && whole.hiddenCount > 0 && (
        <p className={styles.hidden}>
          {plural(whole.hiddenCount, "card is", "cards are")} taken away.{" "}
          <button type="button" className="quiet" onClick={() => layout.change(showHidden)}>
            Show again
          </button>
        </p>
      )}
      {open && (
        <CardDialog
          key={open.card.id}
          label={open.card.title}
          onClose={() => changeView({ panel: null, media: null, item: null }, "keep")}
        >
          <CardView {...shown} card={open.card} section={open.section} isFullScreen />
          <Tooltip />
        </CardDialog>
      )}
      {!open && <Tooltip />}
      {layout && editedCard && (
        <EditDialog
          project={project}
          card={editedCard.card}
          layout={layout}
          metricNames={metricNames}
          close={() => edit(null)}
        />
      )}
      {layout && addedTo !== null && (
        <AddDialog
          project={project}
          section={addedTo}
          layout={layout}
          metricNames={metricNames}
          close={(id) => {
            add(null);
            edit(id);
          }}
        />
      )}
    </>
  );
}

/** The sections with the cards that a search over names finds; all of them while the search is no pattern yet. */
function searched(sections: readonly BoardSection[], pattern: string): readonly BoardSection[] {
  const isFound = pattern === "" ? null : matcher(pattern);
  if (!isFound) return sections;
  const nameOf = (card: Card) => (card.what === "panel" ? card.title : card.metric.key);
  return sections
    .map((section) => ({ ...section, cards: section.cards.filter((card) => isFound(nameOf(card))) }))
    .filter((section) => section.cards.length > 0);
}
