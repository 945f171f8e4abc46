/** The comparer of runs as a kind of panel. */
import { lazyPart } from "../../ui/lazy_part";
import type { PanelKind } from "../kind";
import { type ComparerConfig, parseComparer } from "./config";

export const comparer: PanelKind<ComparerConfig> = {
  kind: "comparer",
  title: "Run comparer",
  about: "Config and summary of the shown runs side by side: what differs.",
  initial: () => ({ search: "", closed: [] }),
  parse: parseComparer,
  titleOf: () => "Run comparer",
  View: lazyPart(() => import("./ComparerView")),
  Editor: lazyPart(() => import("./ComparerEditor")),
};
