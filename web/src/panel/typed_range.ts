/** Reads the ends of an axis as a person types them. */

const two = (value: number) => String(value).padStart(2, "0");

/** A moment as a field for dates and times takes it: local, to the second. */
export function momentText(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Both ends, null for one that is left open; a sentence where they are none. */
export function parseEnds(from: string, to: string, isMoment: boolean): [number | null, number | null] | string {
  const ends: (number | null)[] = [];
  for (const text of [from, to]) {
    if (text === "") {
      ends.push(null);
      continue;
    }
    // Thousands and the long minus are how this page writes numbers itself.
    const value = isMoment ? Date.parse(text) / 1000 : Number(text.replace(/[,\s]/g, "").replace("−", "-"));
    if (!Number.isFinite(value))
      return `'${text}' is no ${isMoment ? "time" : "number"}; write one, or leave the field empty.`;
    ends.push(value);
  }
  const [low, high] = ends;
  if (low !== null && high !== null && !(low < high))
    return `${from} is not below ${to}; the first end must be the lower one.`;
  return [low, high];
}
