/** The panel of each kind of record, loaded when the first record of its kind is shown, and how much room it needs. */
import type { RecordKind } from "../api/records";
import { type LazyPart, lazyPart } from "../ui/lazy_part";
import type { RecordPanelProps } from "./panel_props";
import { Waiting } from "./Words";

const panel = (load: Parameters<typeof lazyPart<RecordPanelProps>>[0]) => lazyPart(load, Waiting);

export const PANELS: Record<RecordKind, LazyPart<RecordPanelProps>> = {
  histogram: panel(() => import("./HistogramPanel")),
  image: panel(() => import("./ImagePanel")),
  video: panel(() => import("./VideoPanel")),
  audio: panel(() => import("./AudioPanel")),
  object_3d: panel(() => import("../scene/ScenePanel")),
  molecule: panel(() => import("../molecule/MoleculePanel")),
  table: panel(() => import("../table/TablePanel")),
  html: panel(() => import("./HtmlPanel")),
  plot: panel(() => import("../plot/PlotPanel")),
  markdown: panel(() => import("./MarkdownPanel")),
  array: panel(() => import("./ArrayPanel")),
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
