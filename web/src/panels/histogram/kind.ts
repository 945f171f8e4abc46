/** The histogram of runs as a kind of panel. */
import { isolated } from "../../format/isolated";
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { type HistogramConfig, parseHistogram } from "./config";

export const histogram: PanelKind<HistogramConfig> = {
  kind: "histogram",
  title: "Histogram of runs",
  about: "How one column is distributed over runs.",
  initial: (_metricNames, columnNames) => ({
    column: firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]),
    binCount: null,
    isLog: false,
  }),
  parse: parseHistogram,
  titleOf: ({ column }) => (column ? isolated`Distribution of ${columnTitle(column)}` : "Histogram of runs"),
  View: lazyPart(() => import("./HistogramView")),
  Editor: lazyPart(() => import("./HistogramEditor")),
};
