/** All histograms of a key in a run over steps, as a heat map or as ridges, and one of them as bars under it. */
import { type ReactNode, useState } from "react";
import type { LoggedRecord, RecordSeries } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { recordStore } from "../data/page_store";
import { formatValue } from "../format/number";
import { useStable } from "../ui/use_stable";
import type { HistogramForm } from "../url/view_state";
import { BarsPlot } from "./BarsPlot";
import { Caption } from "./Caption";
import { scaleOf } from "./histogram_scale";
import { HistogramHeatMap } from "./HistogramHeatMap";
import styles from "./HistogramOverSteps.module.css";
import { HistogramRidges } from "./HistogramRidges";
import { RecordView } from "./RecordView";
import { barsOfColumn, columnOf, stepsInWords, unbinnedInWords } from "./ridge";
import { useWatched } from "./use_watched";

// One grid for all cards: as many columns as a card of a wide screen has pixels to tell them apart, and the API's own bins.
const COLUMNS = 500;
const BINS = 64;
// How much of the height the steps take; the bars of one step have the rest.
const STEPS_SHARE = 0.6;
const CAPTION_HEIGHT = 20;

interface HistogramOverStepsProps {
  series: RecordSeries;
  /** Those of all runs of the card that have several histograms: they share one scale. */
  allSeries: readonly RecordSeries[];
  stepCount: number;
  shown: LoggedRecord;
  height: number;
  theme: ThemeName;
  isFullScreen: boolean;
  form: HistogramForm;
  isLog: boolean;
  isActive: boolean;
  chooseStep: (step: number) => void;
}

export default function HistogramOverSteps(props: HistogramOverStepsProps) {
  const { series, allSeries, stepCount, shown, height, theme, isFullScreen, form, isLog, isActive, chooseStep } = props;
  const hasMany = stepCount > 1;
  const questionOf = (one: RecordSeries) =>
    ({ what: "histograms", series: one, columns: COLUMNS, bins: BINS }) as const;
  useWatched(hasMany ? allSeries.map(questionOf) : [], isActive);
  const answers = allSeries.flatMap((one) => recordStore.histograms(one, COLUMNS, BINS) ?? []);
  const scale = useStable(scaleOf(answers));
  // The column that is pointed at.
  const [pointed, setPointed] = useState<number | null>(null);
  const bars = { document: shown.document, theme, isFullScreen };
  if (!hasMany) return <RecordView {...bars} height={height} />;
  const histograms = recordStore.histograms(series, COLUMNS, BINS);
  const error = recordStore.error(questionOf(series));
  const stepsHeight = Math.round(height * STEPS_SHARE);
  let over: ReactNode = error && <p className={styles.words}>{`Could not be read: ${error.message}`}</p>;
  let under: ReactNode = <RecordView {...bars} height={height - stepsHeight} />;
  if (histograms && (!scale || histograms.columns === 0)) {
    over = <p className={styles.words}>No histogram has been encoded yet.</p>;
  } else if (histograms && scale) {
    const drawn = { histograms, scale, step: shown.step, height: stepsHeight, theme, isLog, chooseStep };
    if (form === "heat") over = <HistogramHeatMap {...drawn} />;
    else {
      const column = Math.min(pointed ?? columnOf(histograms, shown.step), histograms.columns - 1);
      over = <HistogramRidges {...drawn} name={series.key} column={column} pointed={pointed} point={setPointed} />;
      const one = barsOfColumn(histograms, column, scale);
      const words = [stepsInWords(histograms, column), `${formatValue(one.total)} values`];
      words.push(...unbinnedInWords(histograms, column));
      under = (
        <figure className={styles.one}>
          <BarsPlot
            bars={one}
            height={height - stepsHeight - CAPTION_HEIGHT}
            label={`Histogram: ${words.join(", ")}`}
          />
          <Caption text={undefined} facts={words} />
        </figure>
      );
    }
  }
  return (
    <>
      <div style={{ height: stepsHeight }}>{over}</div>
      <div className={styles.bars}>{under}</div>
    </>
  );
}
