/** What an added panel is called. */
import type { AddedCard, CardChange } from "../layout/document";
import { kindNamed } from "../panels/kinds";
import { LINES_KIND, linesTitle, readLines } from "./line_config";

export function titleOf({ kind, config }: AddedCard, change: CardChange | undefined): string {
  if (change?.title) return change.title;
  if (kind === LINES_KIND) {
    const lines = readLines(config);
    return lines ? linesTitle(lines) : "Lines";
  }
  const known = kindNamed(kind);
  const read: unknown = known?.parse(config);
  return known && read !== null ? known.titleOf(read) : (known?.title ?? kind);
}
