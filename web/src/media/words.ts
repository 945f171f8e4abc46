/** What kinds of records, sizes and arrays are called. */
import type { FileRef, RecordKind } from "../api/records";
import { formatCount, formatValue } from "../format/number";

export const KIND_WORDS: Record<RecordKind, string> = {
  histogram: "histogram",
  image: "image",
  video: "video",
  audio: "audio",
  object_3d: "3D object",
  molecule: "molecule",
  table: "table",
  html: "HTML",
  plot: "plot",
  markdown: "text",
  array: "array",
};

const BYTE_UNITS = ["kB", "MB", "GB", "TB"];

/** A size as people say it: `812 bytes`, `1.4 MB`. */
export function formatBytes(size: number): string {
  if (size < 1000) return size === 1 ? "1 byte" : `${formatCount(size)} bytes`;
  let value = size;
  let unit = -1;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 99.5 ? Number(value.toPrecision(2)) : Math.round(value)} ${BYTE_UNITS[unit]}`;
}

const DTYPE_FAMILIES: Record<string, string> = { f: "float", i: "int", u: "uint", c: "complex" };

/** NumPy's name of a short form: `float32` for `<f4`. */
export function dtypeName(dtype: string): string {
  const match = dtype.match(/^[<>|=]?([a-zA-Z])(\d+)$/);
  if (match?.[1] === "b") return "bool";
  const family = match && DTYPE_FAMILIES[match[1]];
  return family ? `${family}${Number(match[2]) * 8}` : dtype;
}

/** `3 × 224 × 224`; an array of no dimensions is one value. */
export const formatShape = (shape: readonly number[]): string =>
  shape.length === 0 ? "one value" : shape.map(formatCount).join(" × ");

export const formatMaybe = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : formatValue(value, 5);

/** What a downloaded object is called. */
export const downloadName = (file: FileRef, suffix = ""): string => file.name ?? file.sha256.slice(0, 12) + suffix;
