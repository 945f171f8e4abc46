/** Answers which columns the runs of the file have. */
import type { ColumnInfo, ColumnsAnswer } from "../api/run_sets";
import { fuzzy } from "../palette/fuzzy";

export function answerColumns(all: readonly ColumnInfo[], runCount: number, query: URLSearchParams): ColumnsAnswer {
  const search = query.get("search") ?? "";
  const isVarying = ({ distinct_count: distinct, run_count: count }: ColumnInfo) => distinct > 1 || count < runCount;
  const found = all
    .filter((column) => query.get("varying") !== "true" || isVarying(column))
    .flatMap((column) => {
      const match = fuzzy(search, column.name);
      return match ? [{ column, score: match.score }] : [];
    });
  if (search) found.sort((a, b) => b.score - a.score);
  const offset = Number(query.get("offset") ?? 0);
  const shown = found.slice(offset, offset + Number(query.get("limit") ?? 100));
  return { total_count: found.length, columns: shown.map(({ column }) => column) };
}
