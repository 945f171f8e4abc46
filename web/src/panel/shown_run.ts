/** A run and a metric as charts show them. */
import type { RecordKind } from "../api/records";
import type { LineStyle } from "../chart/model";

/** Holds nothing that changes while a run goes on, so that charts are not drawn anew for it. */
export interface ShownRun {
  id: string;
  name: string;
  isRunning: boolean;
  createTimeMs: number;
  style: LineStyle;
  /** Past the last line that differs from the others: grey. */
  isContext: boolean;
  emphasis: "normal" | "faded" | "strong";
}

export interface ChartMetric {
  key: string;
  /** The x axis the runs have defined for it; empty for none. */
  stepMetric: string;
  /** Other kinds of values logged under the same name: said, since the chart cannot show them. */
  otherKinds: readonly string[];
}

/** The records of one kind under one name. */
export interface MediaMetric {
  key: string;
  kind: RecordKind;
  /** How many runs have logged it; 1 on the page of a run. */
  runCount: number;
  /** Whatever else is logged under the same name. */
  otherKinds: readonly string[];
}
