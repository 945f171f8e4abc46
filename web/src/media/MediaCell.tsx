/** What one run has logged under a card's key. Nothing of it is loaded before it comes onto the screen. */
import { useMemo, useRef, useState } from "react";
import { isWhole, type RecordSeries } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { recordStore } from "../data/page_store";
import { isolate, isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { useOnScreen } from "../panel/use_on_screen";
import type { CameraLink } from "../scene/camera_link";
import { lazyPart } from "../ui/lazy_part";
import { RunSwatch } from "../ui/RunSwatch";
import type { ViewState } from "../url/view_state";
import { type CardBase, CardContext } from "./card_context";
import type { Marks } from "./marks";
import styles from "./MediaCell.module.css";
import { RecordView } from "./RecordView";
import type { CardCell } from "./card_records";
import { stepInWords } from "./steps";
import { Waiting, Words } from "./Words";

const HistogramOverSteps = lazyPart(() => import("./HistogramOverSteps"), Waiting);

const NAME_HEIGHT = 20;

interface MediaCellProps {
  /** Names the card. */
  card: string;
  cameras: CameraLink;
  cell: CardCell;
  /** The step that was asked for; of the latest, the last of all runs. */
  asked: number | null;
  height: number;
  width: { min: number; max: number | undefined };
  hasName: boolean;
  theme: ThemeName;
  isFullScreen: boolean;
  view: ViewState;
  /** Of all cells of the card that have several records. */
  allSeries: readonly RecordSeries[];
  marks: Marks;
  /** Of a list, the one record to show. */
  only: number | undefined;
  open: ((run: string, index: number) => void) | null;
  /** What this run's record is compared with; null where it is shown itself. */
  base: CardBase | null;
  chooseStep: (step: number) => void;
}

export function MediaCell(props: MediaCellProps) {
  const { card, cameras, cell, asked, height, width, hasName, marks, base, open } = props;
  const root = useRef<HTMLElement>(null);
  const isOnScreen = useOnScreen(root);
  const [wasSeen, setSeen] = useState(false);
  if (isOnScreen && !wasSeen) setSeen(true);
  const { id, name, style } = cell.run;
  const context = useMemo(
    () => ({ card, cameras, marks, base, open: open && ((index: number) => open(id, index)) }),
    [card, cameras, marks, base, open, id],
  );
  const { shown, wanted } = cell;
  // While the record is on its way another one is here, of which the step alone is true.
  const words = shown && shown.step !== asked && stepInWords(shown.step, shown.step === wanted ? asked : null);
  return (
    <section
      ref={root}
      className={styles.cell}
      style={{ height, minWidth: width.min, maxWidth: width.max }}
      data-testid="media-run"
      data-run={id}
      data-step={cell.shown?.step}
      aria-label={name}
    >
      {hasName && (
        <h4 className={styles.name}>
          <RunSwatch style={style} />
          <span title={isolate(name)}>{name}</span>
          {base && <em>{isolated`minus ${base.name}`}</em>}
          {words && <em title={words}>{words}</em>}
        </h4>
      )}
      <CardContext value={context}>
        {wasSeen && <Content {...props} height={hasName ? height - NAME_HEIGHT : height} isOnScreen={isOnScreen} />}
      </CardContext>
    </section>
  );
}

function Content(props: MediaCellProps & { isOnScreen: boolean }) {
  const { cell, height, theme, isFullScreen, view, allSeries, only, chooseStep, isOnScreen } = props;
  const { shown, error } = cell;
  if (cell.wanted === null)
    return <Words height={height}>{`First logged at step ${formatCount(cell.steps[0])}.`}</Words>;
  if (!shown) {
    if (!error) return <Waiting height={height} />;
    return (
      <Words height={height} isTrouble>
        {`Could not be read: ${error.message}. `}
        <button type="button" onClick={() => recordStore.retry()}>
          Try again
        </button>
      </Words>
    );
  }
  if (cell.series.kind === "histogram" && isWhole(shown.document)) {
    return (
      <HistogramOverSteps
        series={cell.series}
        allSeries={allSeries}
        stepCount={cell.steps.length}
        shown={shown}
        height={height}
        theme={theme}
        isFullScreen={isFullScreen}
        form={view.histograms}
        isLog={view.isLogColor}
        isActive={isOnScreen}
        chooseStep={chooseStep}
      />
    );
  }
  return <RecordView document={shown.document} height={height} theme={theme} isFullScreen={isFullScreen} only={only} />;
}
