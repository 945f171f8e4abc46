/** The end of a run's console as a kind of panel. */
import { lazy } from "react";
import type { PanelKind } from "../kind";
import { type LogConfig, parseLog } from "./config";

export const log: PanelKind<LogConfig> = {
  kind: "log",
  title: "Log",
  about: "The last lines that a run has printed, as they come.",
  initial: () => ({ run: null, writer: "" }),
  parse: parseLog,
  titleOf: () => "Log",
  View: lazy(() => import("./LogView")),
  Editor: lazy(() => import("./LogEditor")),
};
