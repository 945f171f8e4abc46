/** What the page and the drawing worker say to each other. */
import type { PaintRequest } from "./painting";

export type ToWorker =
  | { type: "open"; chart: number; canvas: OffscreenCanvas }
  | { type: "paint"; chart: number; sequence: number; request: PaintRequest }
  | { type: "close"; chart: number };

export type FromWorker = { type: "painted"; chart: number; sequence: number };
