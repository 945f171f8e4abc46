/**
 * Typed records as docs/records.md states them: the forms of their documents, the objects behind them, and the routes that serve them.
 *
 * A document is what the daemon says of one record; the bytes of an image, a video or a table are objects, named by their sha256 and
 * never changed, so whatever was fetched by such a name stays good for as long as the page lives.
 */
import { deleteAt, getBlob, getBytes, getJson, getText, postForJson, putJson } from "./http";
import { resource } from "./resource";

export const RECORD_KINDS = [
  "histogram",
  "image",
  "video",
  "audio",
  "object_3d",
  "molecule",
  "table",
  "html",
  "plot",
  "markdown",
  "array",
] as const;

export type RecordKind = (typeof RECORD_KINDS)[number];

export const isRecordKind = (kind: unknown): kind is RecordKind => (RECORD_KINDS as readonly unknown[]).includes(kind);

/** An object: the bytes named by `sha256`. */
export interface FileRef {
  sha256: string;
  size_bytes: number;
  media_type: string;
  /** What the person's file was called. Text of a run, good for a download's name only. */
  name?: string;
}

/** An array in an object in NumPy's `.npy` format. */
export interface ArrayRef {
  /** NumPy's short form: `<f4`, `|u1`. */
  dtype: string;
  shape: number[];
  file: FileRef;
}

/** Names of classes by class id, the id as text. */
export type ClassNames = Record<string, string>;

interface Noted {
  /** Something odd about a record that is kept all the same. */
  warning?: string;
}

export interface ImageMask {
  name: string;
  /** An 8-bit grey PNG, one class id a pixel. */
  file: FileRef;
  class_names?: ClassNames;
}

export interface ImageBox {
  x_min: number;
  x_max: number;
  y_min: number;
  y_max: number;
  /** Whether the edges are pixels; otherwise fractions of the image in 0 to 1. */
  pixels: boolean;
  class_id: number;
  caption?: string;
  scores?: Record<string, number | null>;
}

export interface ImageBoxes {
  name: string;
  class_names?: ClassNames;
  boxes: ImageBox[];
}

export interface ImageDocument extends Noted {
  type: "image";
  file: FileRef;
  width: number;
  height: number;
  caption?: string;
  grouping?: number;
  class_names?: ClassNames;
  masks?: ImageMask[];
  boxes?: ImageBoxes[];
}

export interface VideoDocument extends Noted {
  type: "video";
  file: FileRef;
  width?: number;
  height?: number;
  frame_count?: number;
  frames_per_second?: number;
  caption?: string;
}

export interface AudioDocument extends Noted {
  type: "audio";
  file: FileRef;
  sample_rate_hertz?: number;
  sample_count?: number;
  channel_count?: number;
  duration_seconds?: number;
  caption?: string;
}

export type Point3 = [number, number, number];

export interface SceneBox {
  /** Eight corners. */
  corners: Point3[];
  label?: string;
  /** Red, green, blue in 0 to 255. */
  color?: Point3;
  score?: number;
}

export interface Scene {
  /** (n, 3); (n, 4) with a category; (n, 6) with red, green, blue in 0 to 255. */
  points?: ArrayRef;
  /** (n, 2, 3): from start to end. */
  vectors?: ArrayRef;
  boxes?: SceneBox[];
  scene_type?: string;
}

export type ModelFileType = "obj" | "gltf" | "glb" | "stl" | "ply";

/** Either a model in a file or a scene of points, vectors and boxes. */
export interface Object3dDocument extends Noted {
  type: "object_3d";
  file?: FileRef;
  file_type?: ModelFileType;
  scene?: Scene;
  caption?: string;
}

export type MoleculeFileType =
  "pdb" | "pqr" | "mmcif" | "mcif" | "cif" | "sdf" | "sd" | "gro" | "mol2" | "mmtf" | "xyz";

export interface MoleculeDocument extends Noted {
  type: "molecule";
  file: FileRef;
  file_type: MoleculeFileType;
  caption?: string;
}

export type ColumnType = "number" | "integer" | "bool" | "text" | "json" | "record";

/** Names may repeat, so that columns are named by their position. */
export interface TableColumn {
  name: string;
  type: ColumnType;
}

export interface TableDocument extends Noted {
  type: "table";
  columns: TableColumn[];
  row_count: number;
  file: FileRef;
}

export interface HtmlDocument extends Noted {
  type: "html";
  file: FileRef;
  inject?: true;
}

export interface MarkdownDocument extends Noted {
  type: "markdown";
  text: string;
}

export interface HistogramDocument extends Noted {
  type: "histogram";
  /** One more than there are counts, ascending. */
  edges: (number | null)[];
  counts: (number | null)[];
  nan_count?: number;
  infinite_count?: number;
}

export interface PlotDocument extends Noted {
  type: "plot";
  language: "vega-lite" | "plotly" | "bokeh";
  /** JSON in an object. */
  specification?: FileRef;
  preset_id?: string;
  /** The specification of a saved preset as it was when the chart was logged. */
  preset?: FileRef;
  table?: RecordDocument;
  /** Column names by the preset's field. */
  fields?: Record<string, string>;
  strings?: Record<string, string>;
  /** Scripts that draw a Bokeh document, in order. */
  runtime?: FileRef[];
  caption?: string;
}

/** Statistics are over the finite values; null where there are none. */
export interface ArrayDocument extends Noted, ArrayRef {
  type: "array";
  min: number | null;
  max: number | null;
  mean: number | null;
  variance: number | null;
  percentile_95: number | null;
  nan_count?: number;
  infinite_count?: number;
}

/** A record that is there: what a panel shows. */
export type WholeDocument =
  | ImageDocument
  | VideoDocument
  | AudioDocument
  | Object3dDocument
  | MoleculeDocument
  | TableDocument
  | HtmlDocument
  | MarkdownDocument
  | HistogramDocument
  | PlotDocument
  | ArrayDocument;

export type WholeOf<Kind extends RecordKind> = Extract<WholeDocument, { type: Kind }>;

/** Logged, and not encoded yet. */
export interface PendingDocument {
  type: RecordKind;
  pending: true;
}

/** Could not be encoded. */
export interface ErrorDocument {
  type: RecordKind;
  error: string;
}

export interface ListDocument extends Noted {
  type: RecordKind;
  /** In the order logged. */
  records: RecordDocument[];
}

/** A document too long to be carried along: it stands in an object, as JSON. */
export interface LargeDocument extends Noted {
  type: RecordKind;
  document: FileRef;
  /** The length of a list. */
  count?: number;
}

export type RecordDocument = WholeDocument | PendingDocument | ErrorDocument | ListDocument | LargeDocument;

/** Whether any JSON value, as of a summary or a cell, is a record's document. */
export function isRecordDocument(value: unknown): value is RecordDocument {
  return typeof value === "object" && value !== null && "type" in value && isRecordKind(value.type);
}

export const isPending = (document: RecordDocument): document is PendingDocument =>
  "pending" in document && document.pending === true;

export const isFailed = (document: RecordDocument): document is ErrorDocument =>
  "error" in document && typeof document.error === "string";

export const isList = (document: RecordDocument): document is ListDocument =>
  "records" in document && Array.isArray(document.records);

export const isLarge = (document: RecordDocument): document is LargeDocument =>
  "document" in document && typeof document.document === "object";

export const isWhole = (document: RecordDocument): document is WholeDocument =>
  !isPending(document) && !isFailed(document) && !isList(document) && !isLarge(document);

/** The document as one of a kind; null when it is another or not whole. */
export function wholeOf<Kind extends RecordKind>(document: RecordDocument, kind: Kind): WholeOf<Kind> | null {
  return document.type === kind && isWhole(document) ? (document as WholeOf<Kind>) : null;
}

/** A record of a key at a step. */
export interface LoggedRecord {
  step: number;
  time_unix_ms: number;
  document: RecordDocument;
}

export interface RecordsPage {
  records: LoggedRecord[];
  total_count: number;
}

/** A key's records of one kind in one run. */
export interface RecordSeries {
  project: string;
  run: string;
  key: string;
  kind: RecordKind;
}

const runAddress = ({ project, run }: RecordSeries) =>
  `/api/v1/projects/${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}`;

const seriesQuery = ({ key, kind }: RecordSeries) => new URLSearchParams({ key, kind });

/** The steps at which the key has a record of the kind, ascending. */
export async function fetchRecordSteps(series: RecordSeries, signal?: AbortSignal): Promise<number[]> {
  const path = `${runAddress(series)}/records:steps?${seriesQuery(series)}`;
  return (await getJson<{ steps: number[] }>(path, signal)).steps;
}

/**
 * Records of a key: the one at the largest step that is at most `at` (the first where none is so early) and the ones behind it; the
 * last ones when `at` is null.
 *
 * @param limit how many at most, 1 to 1,000.
 */
export function fetchRecords(
  series: RecordSeries,
  at: number | null,
  limit: number,
  signal?: AbortSignal,
): Promise<RecordsPage> {
  const query = seriesQuery(series);
  if (at !== null) query.set("at", String(at));
  query.set("limit", String(limit));
  return getJson<RecordsPage>(`${runAddress(series)}/records?${query}`, signal);
}

export const HISTOGRAMS_MAGIC = "TKH1";

/** All histograms of a key on one grid of equal bins; neighbours are added up where there are more than the columns asked. */
export interface Histograms {
  key: string;
  histogramCount: number;
  columns: number;
  bins: number;
  /** The steps each column reaches from and to: `columns` each. */
  firstSteps: number[];
  lastSteps: number[];
  /** `bins` + 1, ascending. */
  edges: number[];
  nanCounts: number[];
  infiniteCounts: number[];
  /** `columns` × `bins`, a column's bins behind each other. */
  counts: Float32Array;
}

interface HistogramsHeader {
  key: string;
  histogram_count: number;
  columns: number;
  bins: number;
  first_steps: number[];
  last_steps: number[];
  edges: number[];
  nan_counts: number[];
  infinite_counts: number[];
}

/**
 * Decodes an answer of the histograms route.
 *
 * @throws Error when the bytes are not a whole answer of this version.
 */
export function decodeHistograms(bytes: ArrayBuffer): Histograms {
  if (bytes.byteLength < 8) throw new Error(`histograms answer is ${bytes.byteLength} bytes; its head alone has 8`);
  const magic = String.fromCharCode(...new Uint8Array(bytes, 0, 4));
  if (magic !== HISTOGRAMS_MAGIC) {
    throw new Error(`histograms answer begins with '${magic}' and not with '${HISTOGRAMS_MAGIC}'`);
  }
  const headerSize = new DataView(bytes).getUint32(4, true);
  const start = 8 + headerSize;
  if (start > bytes.byteLength) throw new Error(`histograms answer ends within its header of ${headerSize} bytes`);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, headerSize))) as HistogramsHeader;
  const end = start + header.columns * header.bins * 4;
  if (end > bytes.byteLength) {
    throw new Error(`histograms answer is ${bytes.byteLength} bytes; ${header.columns} × ${header.bins} need ${end}`);
  }
  return {
    key: header.key,
    histogramCount: header.histogram_count,
    columns: header.columns,
    bins: header.bins,
    firstSteps: header.first_steps,
    lastSteps: header.last_steps,
    edges: header.edges,
    nanCounts: header.nan_counts,
    infiniteCounts: header.infinite_counts,
    // In the machine's byte order; every machine with a browser today is little-endian, as the format is.
    counts: new Float32Array(bytes.slice(start, end)),
  };
}

/**
 * All histograms of a key in a run.
 *
 * @param columns the most columns to answer, 1 to 4,096.
 * @param bins the number of common bins, 1 to 512.
 */
export async function fetchHistograms(
  where: Omit<RecordSeries, "kind">,
  columns: number,
  bins: number,
  signal?: AbortSignal,
): Promise<Histograms> {
  const query = new URLSearchParams({ key: where.key, columns: String(columns), bins: String(bins) });
  const path = `${runAddress({ ...where, kind: "histogram" })}/histograms?${query}`;
  return decodeHistograms(await getBytes(path, signal));
}

const object = (sha256: string) => `/api/v1/objects/${encodeURIComponent(sha256)}`;

/** Where an object's bytes are, served as its media type. */
export const objectAddress = (file: FileRef): string =>
  resource(`${object(file.sha256)}?type=${encodeURIComponent(file.media_type)}`);

/** Where an HTML object is a page of its own, on an opaque origin. */
export const pageAddress = (file: FileRef, inject: boolean): string =>
  resource(`${object(file.sha256)}/page${inject ? "?inject=true" : ""}`);

export const fetchObjectText = (file: FileRef, signal?: AbortSignal): Promise<string> =>
  getText(objectAddress(file), signal);

export const fetchObjectJson = <T>(file: FileRef, signal?: AbortSignal): Promise<T> =>
  getJson<T>(objectAddress(file), signal);

export const fetchObjectBytes = (file: FileRef, signal?: AbortSignal): Promise<ArrayBuffer> =>
  getBytes(objectAddress(file), signal);

export const fetchObjectBlob = (file: FileRef, signal?: AbortSignal): Promise<Blob> =>
  getBlob(objectAddress(file), signal);

export type FilterOperator =
  "=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "matches" | "in" | "is_empty" | "is_not_empty";

export type RowFilter =
  | { and: RowFilter[] }
  | { or: RowFilter[] }
  | { not: RowFilter }
  | { column: number; op: FilterOperator; value?: unknown };

export type AggregateFunction = "count" | "min" | "max" | "mean" | "sum";

/** Columns are positions; a sort of groups counts the columns of the answer. */
export interface RowsQuery {
  offset?: number;
  /** 100 by default, 10,000 at most. */
  limit?: number;
  columns?: number[] | null;
  sort?: { column: number; descending: boolean }[];
  filter?: RowFilter;
  group?: { by: number[]; aggregates: { column: number; function: AggregateFunction }[] };
}

/** Null, a number or its name (`"NaN"`), a truth value, a text, JSON, or a document, as the column's type says. */
export type Cell = null | number | boolean | string | RecordDocument | readonly unknown[] | Record<string, unknown>;

export interface RowsAnswer {
  /** Rows of the table. */
  total_count: number;
  /** Rows after filter and group. */
  row_count: number;
  columns: TableColumn[];
  rows: Cell[][];
  /** The rows' places in the table as logged; null for groups. */
  row_numbers: number[] | null;
}

/** A page of the rows of the table that the object `sha256` holds. */
export const fetchRows = (sha256: string, query: RowsQuery, signal?: AbortSignal): Promise<RowsAnswer> =>
  postForJson<RowsAnswer>(`${object(sha256)}/rows`, query, signal);

export interface Preset {
  id: string;
  title: string;
  is_built_in: boolean;
}

export interface WholePreset extends Preset {
  /** Vega-Lite, with `${field:NAME}` and `${string:NAME}` where columns and texts belong. */
  specification: Record<string, unknown>;
}

// An id may hold slashes, which are slashes of the path.
const presetAddress = (id: string) => `/api/v1/presets/${id.split("/").map(encodeURIComponent).join("/")}`;

export const fetchPresets = async (signal?: AbortSignal): Promise<Preset[]> =>
  (await getJson<{ presets: Preset[] }>("/api/v1/presets", signal)).presets;

export const fetchPreset = (id: string, signal?: AbortSignal): Promise<WholePreset> =>
  getJson<WholePreset>(presetAddress(id), signal);

export const deletePreset = (id: string): Promise<void> => deleteAt(presetAddress(id));

export const savePreset = (id: string, preset: Pick<WholePreset, "title" | "specification">): Promise<void> =>
  putJson(presetAddress(id), preset);
