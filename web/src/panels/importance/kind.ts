/** Importance and correlation as a kind of panel. */
import { isolated } from "../../format/isolated";
import { lazyPart } from "../../ui/lazy_part";
import { columnTitle, firstColumn } from "../columns";
import type { PanelKind } from "../kind";
import { type ImportanceConfig, parseImportance } from "./config";

export const importance: PanelKind<ImportanceConfig> = {
  kind: "importance",
  title: "Importance",
  about: "Which columns have to do with a result: importance and correlation over runs.",
  initial: (_metricNames, columnNames) => ({
    target: firstColumn(columnNames, "summary.", [/val.*(loss|acc)/i, /loss|acc/i]),
  }),
  parse: parseImportance,
  titleOf: ({ target }) => (target ? isolated`Importance for ${columnTitle(target)}` : "Importance"),
  View: lazyPart(() => import("./ImportanceView")),
  Editor: lazyPart(() => import("./ImportanceEditor")),
};
