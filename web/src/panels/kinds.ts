/** All kinds of panels over many runs. What draws each is loaded when the first of its kind is shown. */
import { bar } from "./bar/kind";
import { comparer } from "./comparer/kind";
import { histogram } from "./histogram/kind";
import { importance } from "./importance/kind";
import type { AnyPanelKind } from "./kind";
import { log } from "./log/kind";
import { note } from "./note/kind";
import { parallel } from "./parallel/kind";
import { scalar } from "./scalar/kind";
import { scatter } from "./scatter/kind";

export const PANEL_KINDS: readonly AnyPanelKind[] = [
  scatter,
  bar,
  parallel,
  importance,
  scalar,
  histogram,
  comparer,
  note,
  log,
];

export const kindNamed = (name: string): AnyPanelKind | undefined => PANEL_KINDS.find(({ kind }) => kind === name);
