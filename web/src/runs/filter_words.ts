/**
 * What may stand next in a filter (docs/filters.md): a name, a comparison, a value, or what joins two conditions.
 *
 * It only helps while one types: whether a filter is right says the daemon.
 */

export type Wanted = "name" | "comparison" | "value" | "missing" | "joint";

export interface FilterPlace {
  wanted: Wanted;
  /** The part of the text that a completion takes the place of. */
  from: number;
  to: number;
  /** What of it is typed already, without its quotes. */
  typed: string;
  /** The column that the value or the comparison belongs to. */
  column: string;
}

interface Token {
  kind: "word" | "quoted" | "sign";
  /** Without quotes. */
  text: string;
  from: number;
  to: number;
}

// A quoted key may say where it is from: config."learning rate".
const TOKEN =
  /(?:(?:config|summary)\.)?"((?:[^"\\]|\\.)*)"?|(?:(?:config|summary)\.)?'((?:[^'\\]|\\.)*)'?|!=|<=|>=|!~|[=<>~(),]|[^\s=<>~!(),"']+|!/g;

function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map((match) => {
    const [whole, double, single] = match;
    const quoted = double ?? single;
    const kind = quoted !== undefined ? "quoted" : /^[=<>~!(),]/.test(whole) ? "sign" : "word";
    const prefix = quoted === undefined ? "" : (/^\w+\./.exec(whole)?.[0] ?? "");
    const inner = quoted === undefined ? whole : prefix + quoted.replace(/\\(.)/g, "$1");
    return { kind, text: inner, from: match.index, to: match.index + whole.length };
  });
}

/** Where the caret stands in a filter. */
export function placeAt(text: string, caret: number): FilterPlace {
  const tokens = tokensOf(text).filter((token) => token.from < caret);
  const last = tokens.at(-1);
  const isWithin = last !== undefined && last.to >= caret && last.kind !== "sign";
  const before = isWithin ? tokens.slice(0, -1) : tokens;
  let wanted: Wanted = "name";
  let column = "";
  let isInList = false;
  for (const token of before) {
    const word = token.kind === "word" ? token.text.toLowerCase() : "";
    const sign = token.kind === "sign" ? token.text : "";
    if (wanted === "name") {
      if (sign || word === "not") continue;
      column = token.text;
      wanted = "comparison";
    } else if (wanted === "comparison") {
      if (word === "is") wanted = "missing";
      else if (word === "in" || word === "not") wanted = word === "in" ? "value" : "comparison";
      else wanted = "value";
    } else if (wanted === "missing") {
      if (word === "missing") wanted = "joint";
    } else if (wanted === "value") {
      if (sign === "(") isInList = true;
      else wanted = "joint";
    } else if (sign === "," && isInList) wanted = "value";
    else if (sign === ")") isInList = false;
    else if (word === "and" || word === "or") wanted = "name";
  }
  const from = isWithin ? last.from : caret;
  const typed = isWithin
    ? text
        .slice(last.from, caret)
        .replace(/^((?:\w+\.)?)["']/, "$1")
        .replace(/["']$/, "")
    : "";
  return { wanted, from, to: isWithin ? last.to : caret, typed, column };
}

const PLAIN_NAME = /^[^\s"'()<>=!~,]+$/;
// A text that looks like a number must be quoted, or it is one.
const PLAIN_VALUE = /^[A-Za-z_][A-Za-z0-9_./]*$/;
const WORDS = /^(and|or|not|in|is|missing|true|false|null|nan|inf|infinity)$/i;

const inQuotes = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** A column as it is written in a filter. */
export function writtenName(column: string): string {
  if (column === "tags") return "tag";
  if (PLAIN_NAME.test(column) && !WORDS.test(column)) return column;
  const prefix = /^(config|summary)\./.exec(column)?.[0] ?? "";
  return prefix + inQuotes(column.slice(prefix.length));
}

/** A value as it is written in a filter. */
export function writtenValue(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return PLAIN_VALUE.test(value) && !WORDS.test(value) ? value : inQuotes(value);
}

/** The comparisons that make sense for a kind of values. */
export function comparisonsOf(kind: string): string[] {
  if (kind === "number" || kind === "time" || kind === "duration")
    return ["=", "!=", "<", "<=", ">", ">=", "is missing"];
  if (kind === "bool") return ["=", "!=", "is missing"];
  return ["=", "!=", "~", "!~", "in (", "is missing"];
}
