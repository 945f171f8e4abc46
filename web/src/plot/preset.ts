/**
 * Presets: how the placeholders of a specification become the columns and texts of a record (docs/records.md).
 *
 * Where a placeholder stands decides how a column is written: as a path of Vega-Lite a name's dots and brackets are escaped, in an
 * expression it becomes a quoted member, in a title it is the name itself. `${field:NAME:}` may be missing: what is drawn by it is left
 * out then.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Substitutes {
  /** Column names by the preset's field. */
  fields: Readonly<Record<string, string>>;
  /** Texts by name. */
  strings: Readonly<Record<string, string>>;
  /** The table's columns: a field that is mapped to nothing is the column of its own name. */
  columns: readonly string[];
}

const PLACEHOLDER = /\$\{(field|string):([^}:]+)(?::([^}]*))?\}/g;

/** Keys whose texts are read by people, or that name a new column. */
const LABEL_KEYS = new Set(["title", "subtitle", "text", "description", "name", "as", "labels", "value"]);
/** Keys whose texts are expressions of Vega. */
const EXPRESSION_KEYS = new Set(["calculate", "filter", "expr", "test", "signal", "update", "labelExpr", "init"]);

/** A column's name as a path of Vega-Lite, where dots and brackets lead into a value. */
export const fieldPath = (name: string): string => name.replace(/[\\.[\]'"]/g, "\\$&");

/** A name inside a quoted text of an expression. */
export const quotable = (name: string) => name.replace(/[\\'"]/g, "\\$&").replace(/\n/g, "\\n");

function lookUp(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/**
 * The specification with every placeholder replaced.
 *
 * @throws Error that names all fields and texts that the record does not give.
 */
export function substitute(specification: Json, substitutes: Substitutes): Json {
  const missing = new Set<string>();

  const fieldOf = (name: string, otherwise: string | undefined): string => {
    const column = lookUp(substitutes.fields, name) ?? (substitutes.columns.includes(name) ? name : otherwise);
    if (column === undefined) missing.add(`field '${name}'`);
    return column ?? "";
  };
  const stringOf = (name: string, otherwise: string | undefined): string => {
    const text = lookUp(substitutes.strings, name) ?? otherwise;
    if (text === undefined) missing.add(`string '${name}'`);
    return text ?? "";
  };

  function replaceText(text: string, key: string): string {
    const isExpression = EXPRESSION_KEYS.has(key);
    // `datum.${field:x}` is a member whose name may be no identifier.
    const source = isExpression ? text.replace(/\bdatum\.(\$\{field:[^}]+\})/g, 'datum["$1"]') : text;
    return source.replace(PLACEHOLDER, (_whole, sort: string, name: string, otherwise: string | undefined) => {
      const value = sort === "field" ? fieldOf(name, otherwise) : stringOf(name, otherwise);
      if (isExpression) return quotable(value);
      return sort === "string" || LABEL_KEYS.has(key) ? value : fieldPath(value);
    });
  }

  /** Whether a definition draws a field that may be missing and is: `{"field": "${field:class:}"}`. */
  function isLeftOut(value: Json): boolean {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return typeof value.field === "string" && value.field !== "" && replaceText(value.field, "field") === "";
  }

  function replace(value: Json, key: string): Json {
    if (typeof value === "string") return replaceText(value, key);
    if (Array.isArray(value)) return value.filter((item) => !isLeftOut(item)).map((item) => replace(item, key));
    if (typeof value !== "object" || value === null) return value;
    const kept = Object.entries(value).filter(([, item]) => !isLeftOut(item));
    return Object.fromEntries(kept.map(([name, item]) => [name, replace(item, name)]));
  }

  const result = replace(specification, "");
  if (missing.size > 0) {
    throw new Error(`the specification asks for ${[...missing].join(", ")}, which this record does not name`);
  }
  return result;
}
