/** Columns of runs as sections of a comparison. Pure. */
import type { Facts } from "../../compare/rows";
import { type ColumnTable, keyOf } from "../columns";

const SECTIONS = [
  { section: "config", title: "Config" },
  { section: "summary", title: "Summary" },
] as const;

/** The filter that finds these runs and no other. */
export const filterOf = (ids: readonly string[]): string => ids.map((id) => `id = ${JSON.stringify(id)}`).join(" or ");

export function factsOfColumns(table: ColumnTable, names: readonly string[], ids: readonly string[]): Facts[] {
  return SECTIONS.map(({ section, title }) => {
    const own = names.filter((name) => name.startsWith(`${section}.`));
    const byRun = ids.map((id) => {
      const values = own.map((name) => [keyOf(name) ?? name, table.value(id, name)] as const);
      return new Map(values.filter(([, value]) => value !== null));
    });
    return { section, title, byRun };
  });
}
