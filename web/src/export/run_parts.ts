/** Answers what belongs to one run, from the lists in the file: records, lines of the console. */
import type { LoggedRecord, RecordsPage } from "../api/records";
import type { ConsoleAnswer, ConsoleLine } from "../api/types";
import { NotInFile } from "./run_rows";

/** All records of a key, ascending. */
export function answerRecords(records: readonly LoggedRecord[], query: URLSearchParams): RecordsPage {
  const limit = Number(query.get("limit") ?? 1);
  const at = query.get("at");
  const steps = records.map((record) => record.step);
  let first = Math.max(0, records.length - limit);
  if (at !== null) {
    const place = steps.findLastIndex((step) => step <= Number(at));
    first = Math.max(0, place);
  }
  return { records: records.slice(first, first + limit), total_count: records.length };
}

const LINES_DEFAULT = 1000;

/** @param kept the last lines of the console, with what its answer says of the whole. */
export function answerConsole(kept: ConsoleAnswer, query: URLSearchParams): ConsoleAnswer {
  const limit = Number(query.get("limit")) || LINES_DEFAULT;
  const first = query.has("first_line") ? Number(query.get("first_line")) : null;
  const matching = matcher(query.get("pattern") ?? "");
  const found = kept.lines.filter((line) => (first === null || line[0] >= first) && matching(line));
  const isSearch = query.has("pattern");
  const lines = first === null && !isSearch ? found.slice(-limit) : found.slice(0, limit);
  if (first === null || isSearch) {
    const hasMore = isSearch && found.length > lines.length;
    return { ...kept, next_line: hasMore ? found[limit][0] : null, lines };
  }
  const end = Math.min(first + limit, kept.line_count);
  const missing: ConsoleLine[] = [];
  const held = new Set(lines.map((line) => line[0]));
  const firstHeld = kept.lines[0]?.[0] ?? kept.line_count;
  for (let number = first; number < Math.min(end, firstHeld); number++) {
    if (!held.has(number)) missing.push([number, "stdout", kept.lines[0]?.[2] ?? 0, "(this line is not in the file)"]);
  }
  const page = [...missing, ...lines.filter((line) => line[0] < end)];
  return { ...kept, next_line: end < kept.line_count ? end : null, lines: page };
}

function matcher(pattern: string): (line: ConsoleLine) => boolean {
  if (pattern === "") return () => true;
  // What RE2 writes before an expression is a flag of it.
  const [, flags = "", source] = pattern.match(/^(?:\(\?([a-z]+)\))?(.*)$/s) ?? [];
  let expression: RegExp;
  try {
    expression = new RegExp(source, flags.replace(/[^ims]/g, ""));
  } catch {
    throw new NotInFile(`the pattern ${JSON.stringify(pattern)} is no regular expression`);
  }
  return (line) => expression.test(line[3]);
}
