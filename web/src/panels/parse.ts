/** Reads the parts of a panel's configuration from what a saved view holds: what is missing or of another kind is as at first. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The object, or null for whatever else a view may hold there. */
export const asObject = (json: unknown): JsonObject | null =>
  typeof json === "object" && json !== null && !Array.isArray(json) ? (json as JsonObject) : null;

export const textIn = (from: JsonObject, name: string, otherwise = ""): string => {
  const value = from[name];
  return typeof value === "string" ? value : otherwise;
};

export const flagIn = (from: JsonObject, name: string): boolean => from[name] === true;

/** A text that may be left open. */
export const choiceOrNull = (from: JsonObject, name: string): string | null => textIn(from, name) || null;

export function choiceIn<Choice extends string>(from: JsonObject, name: string, choices: readonly Choice[]): Choice {
  return choices.find((choice) => choice === from[name]) ?? choices[0];
}

/** A whole number within the limits; null where there is none. */
export function countIn(from: JsonObject, name: string, min: number, max: number): number | null {
  const value = from[name];
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  return Math.min(max, Math.max(min, Math.round(value)));
}
