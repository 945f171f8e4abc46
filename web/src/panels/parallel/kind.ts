/** Parallel coordinates as a kind of panel. */
import { isolated } from "../../format/isolated";
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { newAxis, type ParallelConfig, parseParallel } from "./config";

// Of the config at first: more axes than that are too near each other in a small panel.
const FIRST_AXES = 3;

export const parallel: PanelKind<ParallelConfig> = {
  kind: "parallel",
  title: "Parallel coordinates",
  about: "Each run a line through its config and results: brush axes to find what good runs share.",
  initial: (_metricNames, columnNames) => {
    const config = columnNames.filter((name) => name.startsWith("config.")).slice(0, FIRST_AXES);
    const last = firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]);
    return { axes: [...config, ...(last ? [last] : [])].map(newAxis), color: "last" };
  },
  parse: parseParallel,
  titleOf: ({ axes }) => {
    const last = axes.at(-1);
    return last ? isolated`What leads to ${columnTitle(last.column)}` : "Parallel coordinates";
  },
  View: lazyPart(() => import("./ParallelView")),
  Editor: lazyPart(() => import("./ParallelEditor")),
};
