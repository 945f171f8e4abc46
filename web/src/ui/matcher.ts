/** Searches by regular expression. */

/** What a search finds: a regular expression over names, without regard to case; null when it is not one. */
export function matcher(pattern: string): ((name: string) => boolean) | null {
  if (pattern === "") return () => true;
  try {
    const expression = new RegExp(pattern, "iu");
    return (name) => expression.test(name);
  } catch {
    return null;
  }
}
