/**
 * The TypeScript client of trackd: see the README for how to use it.
 *
 * @module trackd
 */

export { Changes } from "./changes.js";
export type { Stream } from "./console.js";
export type { AlertOptions, MetricOptions } from "./definitions.js";
export { RefusedError, TimeoutError, TrackdError, UsageError, ValueError } from "./errors.js";
export {
  Histogram,
  type HistogramOptions,
  Image,
  type ImageOptions,
  type NumericArray,
  Object3D,
  type Object3DOptions,
  type Pixels,
  Table,
  TypedRecord,
} from "./records/index.js";
export type { RowOptions } from "./rows.js";
export { type FinishOptions, type FlushOptions, Run, init } from "./run.js";
export type { InitOptions, Mode } from "./settings.js";
export { VERSION } from "./version.js";
