/** The end of a run's console as a kind of panel. */
import { lazyPart } from "../../ui/lazy_part";
import type { PanelKind } from "../kind";
import { type LogConfig, parseLog } from "./config";

export const log: PanelKind<LogConfig> = {
  kind: "log",
  title: "Log",
  about: "The last lines that a run has printed, as they come.",
  initial: () => ({ run: null, writer: "" }),
  parse: parseLog,
  titleOf: () => "Log",
  View: lazyPart(() => import("./LogView")),
  Editor: lazyPart(() => import("./LogEditor")),
};
