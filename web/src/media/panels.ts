/** The panel of each kind of record, loaded when the first record of its kind is shown, and how much room it needs. */
import { type ComponentType, lazy } from "react";
import type { RecordKind } from "../api/records";
import type { RecordPanelProps } from "./panel_props";

export const PANELS: Record<RecordKind, ComponentType<RecordPanelProps>> = {
  histogram: lazy(() => import("./HistogramPanel")),
  image: lazy(() => import("./ImagePanel")),
  video: lazy(() => import("./VideoPanel")),
  audio: lazy(() => import("./AudioPanel")),
  object_3d: lazy(() => import("../scene/ScenePanel")),
  molecule: lazy(() => import("../molecule/MoleculePanel")),
  table: lazy(() => import("../table/TablePanel")),
  html: lazy(() => import("./HtmlPanel")),
  plot: lazy(() => import("../plot/PlotPanel")),
  markdown: lazy(() => import("./MarkdownPanel")),
  array: lazy(() => import("./ArrayPanel")),
};

/** The least width, in pixels, at which a run's record can be read beside another's. */
export const CELL_WIDTH_MIN: Record<RecordKind, number> = {
  histogram: 280,
  image: 200,
  video: 240,
  audio: 240,
  object_3d: 280,
  molecule: 280,
  table: 560,
  html: 400,
  plot: 288,
  markdown: 280,
  array: 220,
};

/** What gains nothing from more room than this is left aligned beside the others. */
export const CELL_WIDTH_MAX: Partial<Record<RecordKind, number>> = { image: 420, video: 480, audio: 480, array: 440 };

/** The least width of records of a list, and their heights where they do not take all there is. */
export const ITEM_WIDTH_MIN: Record<RecordKind, number> = { ...CELL_WIDTH_MIN, image: 92, video: 140 };
export const ITEM_HEIGHT: Partial<Record<RecordKind, number>> = { image: 112, video: 156, audio: 116, array: 180 };

/** How much larger the pictures of a list are in full screen. */
export const FULL_SCREEN_FACTOR: Partial<Record<RecordKind, number>> = { image: 1.75, video: 1.75 };
