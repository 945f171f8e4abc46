/** A note as a kind of panel. */
import { lazyPart } from "../../ui/lazy_part";
import type { PanelKind } from "../kind";
import { type NoteConfig, parseNote, titleIn } from "./config";

export const note: PanelKind<NoteConfig> = {
  kind: "markdown",
  title: "Note",
  about: "Words in Markdown: what was tried, what was found.",
  initial: () => ({ text: "" }),
  parse: parseNote,
  titleOf: ({ text }) => titleIn(text),
  View: lazyPart(() => import("./NoteView")),
  Editor: lazyPart(() => import("./NoteEditor")),
};
