/** One histogram as bars. */
import { useMemo } from "react";
import { wholeOf } from "../api/records";
import { BarsPlot } from "./BarsPlot";
import { Caption } from "./Caption";
import { barsOf, countsInWords } from "./histogram";
import type { RecordPanelProps } from "./panel_props";
import styles from "./HistogramPanel.module.css";

const CAPTION_HEIGHT = 20;

export default function HistogramPanel({ document, height }: RecordPanelProps) {
  const histogram = useMemo(() => wholeOf(document, "histogram"), [document]);
  const bars = useMemo(() => histogram && barsOf(histogram), [histogram]);
  if (!histogram || !bars) return null;
  const words = countsInWords(bars, histogram);
  return (
    <figure className={styles.figure} style={{ height }}>
      <BarsPlot bars={bars} height={height - CAPTION_HEIGHT} label={`Histogram: ${words.join(", ")}`} />
      <Caption text={undefined} facts={words} />
    </figure>
  );
}
