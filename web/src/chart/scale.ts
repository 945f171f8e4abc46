/** Maps values to pixels and back. A scale is plain data, so that it can be sent to the worker. */

export interface Scale {
  kind: "linear" | "log";
  /** The values at the two ends; on a log scale both are above 0. */
  min: number;
  max: number;
  /** The pixels at the two ends; `from` may be larger than `to`. */
  from: number;
  to: number;
}

/** The pixel of a value; NaN on a log scale for a value that is not above 0. */
export function toPixel(scale: Scale, value: number): number {
  const { min, max, from, to } = scale;
  if (scale.kind === "linear") return from + ((value - min) / (max - min)) * (to - from);
  if (value <= 0) return Number.NaN;
  return from + (Math.log(value / min) / Math.log(max / min)) * (to - from);
}

/** The value at a pixel. */
export function toValue(scale: Scale, pixel: number): number {
  const { min, max, from, to } = scale;
  const share = (pixel - from) / (to - from);
  return scale.kind === "linear" ? min + share * (max - min) : min * (max / min) ** share;
}

/**
 * The range to draw for values between `min` and `max`: opened where they are one value, and by `margin` of it at both ends.
 *
 * Gives [0, 1] (on a log scale [1, 10]) where there is no value at all.
 */
export function paddedRange(min: number, max: number, kind: Scale["kind"], margin: number): [number, number] {
  if (!(min <= max)) return kind === "log" ? [1, 10] : [0, 1];
  if (kind === "log") {
    if (min === max) return [min / 2, max * 2];
    const factor = (max / min) ** margin;
    return [min / factor, max * factor];
  }
  if (min === max) {
    const room = min === 0 ? 1 : Math.abs(min) * 0.1;
    return [min - room, max + room];
  }
  // The difference of two extreme doubles can overflow: halves do not.
  const room = (max / 2 - min / 2) * 2 * margin;
  return Number.isFinite(room) ? [min - room, max + room] : [min, max];
}
