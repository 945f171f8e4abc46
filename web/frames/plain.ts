/**
 * Plain values out of foreign JSON.
 *
 * Charting libraries merge what they are given into objects of their own; a key that names a prototype would change every object of
 * the frame.
 */

const RESERVED = new Set(["__proto__", "constructor", "prototype"]);

/** A copy without the keys `__proto__`, `constructor` and `prototype`, however deep; binary data stay as they are. */
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (!RESERVED.has(key)) copy[key] = plain((value as Record<string, unknown>)[key]);
  }
  return copy;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
