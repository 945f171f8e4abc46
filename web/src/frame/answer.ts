/** What a frame says to the page, read with distrust. */

export type FrameAnswer =
  { kind: "ready" } | { kind: "size"; width: number; height: number } | { kind: "error"; message: string };

// A sentence, not a flood: foreign code may say anything.
const MESSAGE_CHARACTERS_MAX = 600;

const isSize = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;

/** The answer, or null for anything that is not of one of the three forms. */
export function readAnswer(data: unknown): FrameAnswer | null {
  if (typeof data !== "object" || data === null || !("trackd" in data)) return null;
  const said = data as Record<string, unknown>;
  switch (said.trackd) {
    case "ready":
      return { kind: "ready" };
    case "size":
      return isSize(said.width) && isSize(said.height)
        ? { kind: "size", width: said.width, height: said.height }
        : null;
    case "error":
      return typeof said.message === "string"
        ? { kind: "error", message: said.message.slice(0, MESSAGE_CHARACTERS_MAX) }
        : null;
    default:
      return null;
  }
}
