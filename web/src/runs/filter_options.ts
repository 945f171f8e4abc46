/** What is offered while a filter is typed, from the columns that the runs have. */
import type { ColumnInfo } from "../api/run_sets";
import { comparisonsOf, type FilterPlace, writtenName, writtenValue } from "./filter_words";

export interface FilterOption {
  /** What is put into the text. */
  text: string;
  /** What it is, in a word. */
  about: string;
}

const OPTIONS_MAX = 12;
const STATES = ["running", "finished", "failed", "killed", "crashed", "preempted"];

const starting = (options: readonly FilterOption[], typed: string) => {
  const wanted = typed.toLowerCase();
  return options.filter(({ text }) => text.replace(/^"/, "").toLowerCase().startsWith(wanted)).slice(0, OPTIONS_MAX);
};

/**
 * @param found columns that a search for what is typed, or for the place's column, has found.
 */
export function optionsAt(place: FilterPlace, found: readonly ColumnInfo[]): FilterOption[] {
  const column = found.find(({ name }) => isNamed(name, place.column));
  switch (place.wanted) {
    case "name": {
      const names = found.map(({ name, kind }) => ({ text: writtenName(name), about: kind }));
      return [...names.slice(0, OPTIONS_MAX), ...starting([{ text: "not", about: "not the next" }], place.typed)];
    }
    case "comparison": {
      const kind = place.column === "tag" ? "string" : (column?.kind ?? "string");
      return starting(
        comparisonsOf(kind).map((text) => ({ text, about: "" })),
        place.typed,
      );
    }
    case "missing":
      return starting(
        ["missing", "not missing"].map((text) => ({ text, about: "" })),
        place.typed,
      );
    case "value": {
      const values = place.column === "state" ? STATES : (column?.values ?? []);
      const plain = values.filter(
        (value) => typeof value === "string" || typeof value === "number" || typeof value === "boolean",
      );
      return starting(
        plain.map((value) => ({ text: writtenValue(value), about: "" })),
        place.typed,
      );
    }
    case "joint":
      return starting(
        [
          { text: "and", about: "both" },
          { text: "or", about: "either" },
        ],
        place.typed,
      );
  }
}

/** Whether a column is meant by what stands in a filter. */
const isNamed = (column: string, written: string): boolean =>
  column === written ||
  (written === "tag" && column === "tags") ||
  column === `summary.${written}` ||
  column === `config.${written}`;
