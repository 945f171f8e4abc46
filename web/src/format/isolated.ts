/**
 * Names within texts that no element can be in, as titles, labels and options are.
 *
 * A name that is written from right to left changes the order of nothing beside it; what needs no care stays as it is, and no
 * character of a name is lost.
 */
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";
// Letters that are written from right to left, and what turns text round.
const TURNING =
  /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A name that turns nothing round outside of itself. */
export function isolate(name: string): string {
  if (!TURNING.test(name)) return name;
  // What the name ends without having begun it must not end this, and what it leaves open must.
  let open = 0;
  let unbegun = 0;
  for (const character of name) {
    if (character >= "\u2066" && character <= FIRST_STRONG_ISOLATE) open++;
    else if (character === POP_ISOLATE) {
      if (open > 0) open--;
      else unbegun++;
    }
  }
  return FIRST_STRONG_ISOLATE.repeat(unbegun + 1) + name + POP_ISOLATE.repeat(open + 1);
}

/** The tag of a template: a sentence with names in it, each for itself. */
export const isolated = (parts: TemplateStringsArray, ...names: readonly unknown[]): string =>
  parts.reduce((text, part, index) => text + isolate(String(names[index - 1])) + part);
