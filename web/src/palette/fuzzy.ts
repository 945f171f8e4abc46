/** Searches names by some of their letters: "tloss" finds "train/loss". */

export interface Match {
  /** The larger, the better. */
  score: number;
  /** Where the letters were found, ascending. */
  positions: number[];
}

const SUBSTRING = 1000;
const SCATTERED = 400;
const WORD_START = 100;
const GAP = 12;
const LENGTH = 0.5;

const isWordStart = (text: string, at: number) =>
  at === 0 ||
  !/[\p{L}\p{N}]/u.test(text[at - 1]) ||
  (/\p{Ll}/u.test(text[at - 1]) && /\p{Lu}/u.test(text[at])) ||
  (!/\p{N}/u.test(text[at - 1]) && /\p{N}/u.test(text[at]));

/** How well a text fits what was typed; null where it does not. All words must fit, in any order; an empty query fits everything. */
export function fuzzy(query: string, text: string): Match | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  // Letters that become two in lower case would shift the marks.
  const folded = lower.length === text.length ? lower : text;
  const positions = new Set<number>();
  let score = -LENGTH * text.length;
  for (const word of words) {
    const found = substring(word, text, folded) ?? scattered(word, text, folded);
    if (!found) return null;
    score += found.score;
    for (const position of found.positions) positions.add(position);
  }
  return { score, positions: [...positions].sort((a, b) => a - b) };
}

function substring(word: string, text: string, folded: string): Match | null {
  const first = folded.indexOf(word);
  if (first < 0) return null;
  let at = first;
  while (at >= 0 && !isWordStart(text, at)) at = folded.indexOf(word, at + 1);
  const start = at >= 0 ? at : first;
  const isWhole = word.length === text.length;
  return {
    score: SUBSTRING + (at >= 0 ? WORD_START : 0) + (isWhole || start === 0 ? WORD_START : 0) + word.length,
    positions: Array.from(word, (_letter, index) => start + index),
  };
}

function scattered(word: string, text: string, folded: string): Match | null {
  // The last place where each letter can stand with the rest of the word still behind it.
  const latest = new Array<number>(word.length);
  let end = folded.length;
  for (let index = word.length - 1; index >= 0; index--) {
    end = folded.lastIndexOf(word[index], end - 1);
    if (end < 0 || (index > 0 && end === 0)) return null;
    latest[index] = end;
  }
  const positions: number[] = [];
  let score = SCATTERED;
  let before = -1;
  for (let index = 0; index < word.length; index++) {
    const at = place(word[index], text, folded, before, latest[index]);
    if (at === before + 1 && before >= 0) score += GAP;
    else if (isWordStart(text, at)) score += GAP / 2;
    else score -= GAP;
    positions.push(at);
    before = at;
  }
  return { score, positions };
}

/** Where a letter is best found behind `before`: next to it, at the start of a word, or else as soon as can be. */
function place(letter: string, text: string, folded: string, before: number, latest: number): number {
  if (folded[before + 1] === letter) return before + 1;
  const first = folded.indexOf(letter, before + 1);
  for (let at = first; at >= 0 && at <= latest; at = folded.indexOf(letter, at + 1)) {
    if (isWordStart(text, at)) return at;
  }
  return first;
}

const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

export const escapeRegex = (text: string) => text.replace(SPECIAL, "\\$&");

/** The same search as a regular expression of RE2, for what the daemon searches: the words as they were typed, letter by letter. */
export function fuzzyPattern(query: string): string {
  const letters = Array.from(query.replace(/\s+/g, ""), escapeRegex);
  return letters.length === 0 ? "" : `(?i)${letters.join(".*")}`;
}
