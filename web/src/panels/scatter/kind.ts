/** The scatter plot as a kind of panel. */
import { isolated } from "../../format/isolated";
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { parseScatter, type ScatterConfig } from "./config";

export const scatter: PanelKind<ScatterConfig> = {
  kind: "scatter",
  title: "Scatter plot",
  about: "Each run a point: two columns against each other, coloured and sized by others.",
  initial: (_metricNames, columnNames) => ({
    x: firstColumn(columnNames, "config.", [/(^|[._/])(lr|learning_rate)$/i]) || "create_time",
    y: firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]),
    color: null,
    size: null,
    isLogX: false,
    isLogY: false,
    hasFrontier: false,
    xGoal: "low",
    yGoal: "low",
  }),
  parse: parseScatter,
  titleOf: ({ x, y }) => (x && y ? isolated`${columnTitle(y)} over ${columnTitle(x)}` : "Scatter plot"),
  View: lazyPart(() => import("./ScatterView")),
  Editor: lazyPart(() => import("./ScatterEditor")),
};
