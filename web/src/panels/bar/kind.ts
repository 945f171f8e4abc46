/** The bar chart as a kind of panel. */
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { type BarConfig, parseBar, TOP_COUNT } from "./config";

export const bar: PanelKind<BarConfig> = {
  kind: "bar",
  title: "Bar chart",
  about: "One column over runs in order; over groups, their mean with a whisker.",
  initial: (_metricNames, columnNames) => ({
    column: firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]),
    order: "descending",
    topCount: TOP_COUNT,
  }),
  parse: parseBar,
  titleOf: ({ column }) => (column ? columnTitle(column) : "Bar chart"),
  View: lazyPart(() => import("./BarView")),
  Editor: lazyPart(() => import("./BarEditor")),
};
