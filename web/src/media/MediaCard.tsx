/** The records of one kind under one key: those of the visible runs side by side, at a step that a slider chooses. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTheme } from "../app/theme";
import { recordStore } from "../data/page_store";
import { isolate, isolated } from "../format/isolated";
import { formatCount, plural } from "../format/number";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import { useOnScreen } from "../panel/use_on_screen";
import { ExpandIcon } from "../ui/icons";
import { lazyPart } from "../ui/lazy_part";
import { Menu, type MenuEntry } from "../ui/Menu";
import { Since } from "../ui/Moment";
import { CameraLink } from "../scene/camera_link";
import type { ChangeView } from "../url/use_view";
import { mediaId, type ViewState } from "../url/view_state";
import type { CardBase } from "./card_context";
import { CELL_GAP } from "./card_room";
import { HistogramControls } from "./HistogramControls";
import { LinkVideos } from "./LinkVideos";
import { MarkControls } from "./MarkControls";
import { getMarks, subscribeMarks } from "./marks";
import cardStyles from "../panel/Card.module.css";
import styles from "./MediaCard.module.css";
import { MediaCell } from "./MediaCell";
import { MediaTools, shownOf } from "./MediaTools";
import { CELL_WIDTH_MAX, CELL_WIDTH_MIN, PANELS } from "./panels";
import { StepSlider } from "./StepSlider";
import type { CardCell, CardRecords } from "./card_records";
import { useCardRecords } from "./use_card_records";
import { useBox } from "./use_box";
import { chooseStep, useChosenStep, useStepOf } from "./use_chosen_step";
import { KIND_WORDS } from "./words";

export interface MediaCardProps {
  project: string;
  metric: MediaMetric;
  title: string;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
  /** Where the step is chosen for all records of the section. */
  sectionSteps?: string | null;
  isFullScreen?: boolean;
  /** What the menu of the card has; without any there is none. */
  extraItems?: readonly MenuEntry[];
  /** Whether the step is chosen at the card; elsewhere a slider for several cards stands near them. */
  hasSlider?: boolean;
}

// Runs side by side at first and with each "More runs": more than fit on a screen, few enough to stay quick.
const CELLS_STEP = 12;
const StepsGrid = lazyPart(() => import("./StepsGrid"));
// Of a run's record in full screen, where rows are as high as the window allows but not lower than this.
const FULL_HEIGHT_MIN = 300;

export function MediaCard(props: MediaCardProps) {
  const { project, metric, title, runs, view, changeView } = props;
  const { sectionSteps = null, isFullScreen = false, hasSlider = true, extraItems = [] } = props;
  const { key, kind } = metric;
  const id = mediaId(kind, key);
  const root = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const box = useBox(body);
  const isOnScreen = useOnScreen(root);
  useEffect(() => {
    // While the records are on their way.
    if (isOnScreen) PANELS[kind].preload();
  }, [isOnScreen, kind]);
  const theme = useTheme();
  const [cellMax, setCellMax] = useState(CELLS_STEP);
  const [own, chooseOwn] = useChosenStep(id, view, changeView);
  const ofSection = useStepOf(sectionSteps, view);
  // What was chosen here comes first, then for the section, then on a chart.
  const chosen = own ?? ofSection ?? view.cursor;
  const choose = useCallback(
    (next: number | null) => {
      chooseOwn(next);
      // The latest is what the card's section does not hold back either.
      if (next === null && sectionSteps !== null && ofSection !== null) chooseStep(sectionSteps, null, changeView);
    },
    [chooseOwn, sectionSteps, ofSection, changeView],
  );
  const card = `${project}\n${id}`;
  const cameras = useMemo(() => new CameraLink(card), [card]);
  const marks = useSyncExternalStore(subscribeMarks, () => getMarks(card));

  const shownAs = isFullScreen ? shownOf(kind, view) : "step";
  const isDifference = shownAs === "difference";
  const item = isFullScreen ? view.item : null;
  // A difference is one between runs, whichever of them was opened.
  const onlyRun = isDifference ? undefined : item?.run;
  const shownRuns = useMemo(() => (onlyRun ? runs.filter((run) => run.id === onlyRun) : runs), [runs, onlyRun]);
  const records = useCardRecords({ project, key, kind, runs: shownRuns, cellMax, chosen }, isOnScreen);
  const { cells, steps, step } = records;
  // What is on the card while the records of another step are on their way.
  const [settledStep, setSettledStep] = useState<number | null>(null);
  if (records.isSettled && step !== settledStep) setSettledStep(step);

  const base = useBase(isDifference ? cells[0] : undefined, item?.index ?? null);
  const openItem = useCallback(
    (run: string, index: number) => changeView({ media: id, item: { run, index } }, "keep"),
    [changeView, id],
  );
  const hasNames = runs.length > 1;
  // One scale for all of them.
  const histogramSeries = cells.flatMap((cell) => (cell.steps.length > 1 ? [cell.series] : []));
  const layout = layoutOf(
    shownAs === "steps" ? 1 : cells.length,
    box.width,
    box.height,
    CELL_WIDTH_MIN[kind],
    isFullScreen,
  );
  return (
    <article
      ref={root}
      className={isFullScreen ? cardStyles.full : `${cardStyles.card} ${styles.media}`}
      data-testid="media"
      data-key={key}
      data-kind={kind}
      data-step={settledStep ?? undefined}
      aria-label={isolated`${key}, ${KIND_WORDS[kind]}`}
    >
      <header className={cardStyles.header}>
        <h3 title={isolate(key)}>{title}</h3>
        {records.hasMore && cells.length >= cellMax && (
          <button type="button" className="quiet" onClick={() => setCellMax(cellMax + CELLS_STEP)}>
            More runs
          </button>
        )}
        {item && (
          <button type="button" className="quiet" onClick={() => changeView({ item: null }, "keep")}>
            Show all
          </button>
        )}
        {kind === "histogram" && steps.length > 1 && <HistogramControls view={view} changeView={changeView} />}
        {kind === "video" && <LinkVideos card={card} isFullScreen={isFullScreen} />}
        {!isFullScreen && (
          <button
            type="button"
            className="quiet icon"
            aria-label={isolated`Show ${key} full screen${metric.otherKinds.length > 0 ? ` as ${KIND_WORDS[kind]}` : ""}`}
            onClick={() => changeView({ media: id, item: null }, "keep")}
          >
            <ExpandIcon />
          </button>
        )}
        {extraItems.length > 0 && <Menu label={isolated`More for ${key}`} entries={extraItems} />}
      </header>
      {isFullScreen && <MediaTools card={card} kind={kind} view={view} changeView={changeView} />}
      {kind === "image" && shownAs !== "steps" && (
        <MarkControls
          card={card}
          documents={cells.flatMap((cell) => (cell.shown ? [cell.shown.document] : []))}
          marks={marks}
          isFullScreen={isFullScreen}
        />
      )}
      <div
        ref={body}
        className={isFullScreen ? styles.grid : styles.row}
        style={isFullScreen ? { gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))` } : undefined}
        // What scrolls must be reachable by keyboard.
        tabIndex={layout.isScrolling ? 0 : undefined}
        role={layout.isScrolling ? "group" : undefined}
        aria-label={layout.isScrolling ? isolated`${key} of ${plural(cells.length, "run")}` : undefined}
      >
        {box.height > 0 && shownAs === "steps" && step !== null && (
          <StepsGrid
            label={key}
            cells={cells}
            steps={steps}
            step={step}
            chooseStep={choose}
            height={box.height}
            only={item?.index}
          />
        )}
        {box.height > 0 &&
          shownAs !== "steps" &&
          cells.map((cell, index) => (
            <MediaCell
              key={cell.run.id}
              card={card}
              cameras={cameras}
              cell={cell}
              asked={chosen ?? step}
              height={layout.height}
              width={
                isFullScreen ? ANY_WIDTH : { min: Math.min(box.width, CELL_WIDTH_MIN[kind]), max: CELL_WIDTH_MAX[kind] }
              }
              hasName={hasNames}
              theme={theme}
              isFullScreen={isFullScreen}
              allSeries={histogramSeries}
              view={view}
              marks={marks}
              only={item?.index}
              base={index > 0 ? base : null}
              open={item ? null : openItem}
              chooseStep={choose}
            />
          ))}
        {isDifference && cells.length === 1 && (
          <p className={styles.nothing}>A difference is one of two runs: show another run that has logged {key}.</p>
        )}
        {cells.length === 0 && <Nothing metric={metric} runs={shownRuns} records={records} />}
      </div>
      {hasSlider && steps.length > 0 && <StepSlider name={key} steps={steps} chosen={chosen} choose={choose} />}
      <footer className={cardStyles.caption}>
        <span className={styles.words} title={captionOf(metric, records, shownRuns.length)}>
          {captionOf(metric, records, shownRuns.length)}
        </span>
        <span>{KIND_WORDS[kind]}</span>
      </footer>
    </article>
  );
}

/** The record of the first run, which is taken from those of the others. */
function useBase(cell: CardCell | undefined, index: number | null): CardBase | null {
  const name = cell?.run.name;
  const document = cell?.shown?.document ?? null;
  return useMemo(() => (name === undefined ? null : { name, document, index }), [name, document, index]);
}

const ANY_WIDTH = { min: 0, max: undefined };

interface Layout {
  columns: number;
  height: number;
  isScrolling: boolean;
}

function layoutOf(count: number, width: number, height: number, cellWidth: number, isFullScreen: boolean): Layout {
  if (!isFullScreen) return { columns: 1, height, isScrolling: count * (cellWidth + CELL_GAP) - CELL_GAP > width };
  const columns = Math.max(1, Math.min(count, Math.floor((width + CELL_GAP) / (cellWidth + CELL_GAP))));
  const rows = Math.max(1, Math.ceil(count / columns));
  const fitting = Math.floor((height - (rows - 1) * CELL_GAP) / rows);
  return {
    columns,
    height: Math.max(Math.min(FULL_HEIGHT_MIN, height), fitting),
    isScrolling: fitting < FULL_HEIGHT_MIN,
  };
}

function captionOf({ otherKinds }: MediaMetric, records: CardRecords, runCount: number): string {
  const { cells, steps } = records;
  if (cells.length === 0) return "";
  const parts = [plural(steps.length, "step")];
  if (records.hasMore) parts.push(`the first ${plural(cells.length, "run")} of ${formatCount(runCount)}`);
  else if (cells.length < runCount) parts.push(`in ${formatCount(cells.length)} of ${plural(runCount, "run")}`);
  if (otherKinds.length > 0) parts.push(`also logged as ${otherKinds.join(" and ")}`);
  return parts.join(" · ");
}

interface NothingProps {
  metric: MediaMetric;
  runs: readonly ShownRun[];
  records: CardRecords;
}

function Nothing({ metric, runs, records }: NothingProps) {
  if (!records.isAnswered) return null;
  if (records.error) {
    return (
      <p className={styles.nothing}>
        {`Could not be read: ${records.error.message}. `}
        <button type="button" onClick={() => recordStore.retry()}>
          Try again
        </button>
      </p>
    );
  }
  const running = runs.filter((run) => run.isRunning);
  return (
    <p className={styles.nothing}>
      {isolated`No ${KIND_WORDS[metric.kind]} logged yet for ${metric.key} in the visible runs`}
      {running.length > 0 && (
        <>
          {" – waiting since "}
          <Since unixMs={Math.min(...running.map((run) => run.createTimeMs))} />
        </>
      )}
    </p>
  );
}
