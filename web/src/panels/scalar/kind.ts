/** A single number as a kind of panel. */
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { parseScalar, type ScalarConfig } from "./config";

export const scalar: PanelKind<ScalarConfig> = {
  kind: "scalar",
  title: "Number",
  about: "One number, large: of the newest, the best or the highlighted run, and how far it is from a baseline.",
  initial: (_metricNames, columnNames) => ({
    column: firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]),
    which: "last",
    baseline: null,
  }),
  parse: parseScalar,
  titleOf: ({ column }) => (column ? columnTitle(column) : "Number"),
  View: lazyPart(() => import("./ScalarView")),
  Editor: lazyPart(() => import("./ScalarEditor")),
};
