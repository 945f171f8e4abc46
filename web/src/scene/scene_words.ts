/** What a scene holds, in words and as ranges. */
import { formatCount, formatValue, plural } from "../format/number";
import { AXES, type DrawnScene, LABELS_MAX, type SceneData } from "./content";

/** The scores of its boxes; null where they do not differ. */
export function scoreRange(data: SceneData): { min: number; max: number } | null {
  if (data.kind === "model") return null;
  let [min, max] = [Infinity, -Infinity];
  for (const { score } of data.boxes) {
    if (score === undefined) continue;
    min = Math.min(min, score);
    max = Math.max(max, score);
  }
  return min < max ? { min, max } : null;
}

export function describe(data: SceneData, drawn: DrawnScene): string {
  if (data.kind === "model") {
    const vertices = plural(data.vertexCount, "vertex", "vertices");
    if (data.refusedCount === 0) return vertices;
    return `${vertices} · without ${plural(data.refusedCount, "picture")} from other files`;
  }
  const { pointCount, skippedPointCount, boxCount, unlabelledBoxCount, vectorCount, heights } = drawn;
  const parts = [
    data.points && plural(pointCount, "point"),
    data.boxes.length > 0 &&
      (boxCount === data.boxes.length
        ? plural(boxCount, "box", "boxes")
        : `${formatCount(boxCount)} of ${plural(data.boxes.length, "box", "boxes")}`),
    vectorCount > 0 && plural(vectorCount, "vector"),
    skippedPointCount > 0 && `${plural(skippedPointCount, "point")} NaN or infinite`,
    data.brokenBoxCount > 0 && `${plural(data.brokenBoxCount, "box", "boxes")} without eight corners`,
    heights &&
      `coloured by ${AXES[heights.axis]} from ${formatValue(heights.low, 3)} to ${formatValue(heights.high, 3)}`,
    unlabelledBoxCount > 0 && `labels at the first ${formatCount(LABELS_MAX)}`,
  ].filter((part): part is string => typeof part === "string");
  return parts.length > 0 ? parts.join(" · ") : "The scene is empty.";
}
