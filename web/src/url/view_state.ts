/** What a person has chosen to see, as it stands in the address. What is as by default is left out. */
import { isAxis, type SeriesSmoothing, type XAxis } from "../api/series";

/** What of a metric's name is its section: all before the last slash, all before the first, or a tree of all parts. */
export const SECTION_RULES = ["last", "first", "tree"] as const;
export type SectionRule = (typeof SECTION_RULES)[number];
export type LineValue = "last" | "mean";

/** The parts of a run's page. */
export const TABS = ["overview", "charts", "system", "ranks", "logs", "media", "tables", "files", "health"] as const;
export type Tab = (typeof TABS)[number];

export interface Zoom {
  min: number;
  max: number;
  /** The axis it was made on: charts with another x are not touched. */
  axis: XAxis;
}

/** How the runs of a group become one line. */
export const AGGREGATES = ["mean", "median", "min", "max"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** What the band around a group's line covers: all its runs, or how far they lie from the mean. */
export const BANDS = ["range", "std", "stderr", "none"] as const;
export type Band = (typeof BANDS)[number];

/** Which part of the values the y axis reaches over. */
export const CLIPS = ["all", "99", "95"] as const;
export type Clip = (typeof CLIPS)[number];

/** What a media card shows full screen: the records of one step, those of all steps, or how images of runs differ. */
export const MEDIA_SHOWN = ["step", "steps", "difference"] as const;
export type MediaShown = (typeof MEDIA_SHOWN)[number];
/** How the histograms of a key are drawn over steps. */
export const HISTOGRAM_FORMS = ["heat", "ridge"] as const;
export type HistogramForm = (typeof HISTOGRAM_FORMS)[number];

/** One column that runs are ordered by; its name is one of docs/http_api.md, "Columns of runs". */
export interface SortColumn {
  column: string;
  isDescending: boolean;
}

export interface ViewState {
  /** The saved view that the page is opened with. */
  view: string | null;
  /** Which runs are listed: a filter as docs/filters.md states it. */
  filter: string;
  /** The order of runs; empty for newest first. */
  sort: readonly SortColumn[];
  /** The columns by which runs are grouped, the outermost first. */
  groupBy: readonly string[];
  aggregate: Aggregate;
  band: Band;
  clip: Clip;
  /** The columns that are shown of runs; null for the usual ones. */
  columns: readonly string[] | null;
  /** Runs that stay on top of the list. */
  pinned: readonly string[];
  /** How wide a person has made columns of runs, in pixels; those that are not here are as wide as usual. */
  widths: Readonly<Record<string, number>>;
  /** Whether runs that were put away are listed too. */
  hasArchived: boolean;
  /** The step that charts mark and media go to; null where none was chosen. */
  cursor: number | null;
  /** The file of a run that is looked at. */
  file: string | null;
  /** Whether a comparison shows what is the same too. */
  hasSame: boolean;
  /** null: each metric's own, the step where it has none. */
  x: XAxis | null;
  smoothing: SeriesSmoothing | null;
  isLogX: boolean;
  isLogY: boolean;
  /** Whether the colours of heat maps, and the heights of ridges, are logarithmic. */
  isLogColor: boolean;
  histograms: HistogramForm;
  line: LineValue;
  sections: SectionRule;
  /** A regular expression over metric names. */
  metrics: string;
  /** A regular expression over run names. */
  runs: string;
  hidden: readonly string[];
  /** When not empty, only these runs are shown. */
  only: readonly string[];
  highlight: string | null;
  closed: readonly string[];
  zoom: Zoom | null;
  /** The metric shown full screen. */
  panel: string | null;
  /** The media card shown full screen. */
  media: string | null;
  mediaShown: MediaShown;
  /** The one record of it that is shown: its place in the list that `run` has logged. */
  item: MediaItem | null;
  /** The steps chosen for media cards; those that are not here follow the latest. */
  steps: Readonly<Record<string, number>>;
  tab: Tab;
  /** Whether the facts about the run's surroundings are unfolded. */
  hasEnvironment: boolean;
  /** The writer whose console is shown; empty for the first that has printed. */
  writer: string;
  /** A regular expression over the lines of the console. */
  find: string;
  hasOnlyMatches: boolean;
  isWrapped: boolean;
  hasTimes: boolean;
  /** The line of the console that the address points at. */
  logLine: number | null;
}

export interface MediaItem {
  run: string;
  index: number;
}

/** Names a media card: a kind of records holds no colon. */
export const mediaId = (kind: string, key: string): string => `${kind}:${key}`;

export const DEFAULT_VIEW: ViewState = {
  x: null,
  smoothing: null,
  isLogX: false,
  isLogY: false,
  isLogColor: false,
  histograms: "heat",
  line: "last",
  sections: "last",
  metrics: "",
  view: null,
  filter: "",
  sort: [],
  groupBy: [],
  aggregate: "mean",
  band: "range",
  clip: "all",
  columns: null,
  pinned: [],
  widths: {},
  hasArchived: false,
  cursor: null,
  file: null,
  hasSame: false,
  runs: "",
  hidden: [],
  only: [],
  highlight: null,
  closed: [],
  zoom: null,
  panel: null,
  media: null,
  mediaShown: "step",
  item: null,
  steps: {},
  tab: "overview",
  hasEnvironment: false,
  writer: "",
  find: "",
  hasOnlyMatches: false,
  isWrapped: true,
  hasTimes: false,
  logLine: null,
};

const SMOOTHING_LIMITS: Record<SeriesSmoothing["kind"], (amount: number) => boolean> = {
  ema: (amount) => amount >= 0 && amount < 1,
  gaussian: (amount) => amount >= 1,
  running_mean: (amount) => amount >= 1,
};

export function parseView(search: string): ViewState {
  const query = new URLSearchParams(search);
  return {
    x: parseAxis(query.get("x")),
    smoothing: parseSmoothing(query.get("smooth")),
    isLogX: query.get("log")?.includes("x") ?? false,
    isLogY: query.get("log")?.includes("y") ?? false,
    isLogColor: query.get("log")?.includes("c") ?? false,
    histograms: HISTOGRAM_FORMS.find((one) => one === query.get("histograms")) ?? DEFAULT_VIEW.histograms,
    line: query.get("line") === "mean" ? "mean" : "last",
    sections: SECTION_RULES.find((one) => one === query.get("sections")) ?? DEFAULT_VIEW.sections,
    metrics: query.get("q") ?? "",
    runs: query.get("search") ?? "",
    view: query.get("view"),
    filter: query.get("filter") ?? "",
    sort: parseSort(query.getAll("sort")),
    groupBy: query.getAll("group"),
    aggregate: AGGREGATES.find((one) => one === query.get("aggregate")) ?? DEFAULT_VIEW.aggregate,
    band: BANDS.find((one) => one === query.get("band")) ?? DEFAULT_VIEW.band,
    clip: CLIPS.find((one) => one === query.get("clip")) ?? DEFAULT_VIEW.clip,
    columns: query.has("column") ? query.getAll("column").filter((one) => one !== "") : null,
    pinned: query.getAll("pin"),
    widths: parseWidths(query.getAll("width")),
    hasArchived: query.get("archived") === "with",
    cursor: parseCount(query.get("cursor")),
    file: query.get("file"),
    hasSame: query.get("rows") === "all",
    hidden: query.getAll("hide"),
    only: query.getAll("only"),
    highlight: query.get("run"),
    closed: query.getAll("closed"),
    zoom: parseZoom(query.get("zoom")),
    panel: query.get("panel"),
    media: query.get("media"),
    mediaShown: MEDIA_SHOWN.find((one) => one === query.get("show")) ?? DEFAULT_VIEW.mediaShown,
    item: parseItem(query.get("item")),
    steps: parseSteps(query.getAll("at")),
    tab: TABS.find((tab) => tab === query.get("tab")) ?? DEFAULT_VIEW.tab,
    hasEnvironment: query.get("environment") === "open",
    writer: query.get("writer") ?? "",
    find: query.get("find") ?? "",
    hasOnlyMatches: query.get("lines") === "matching",
    isWrapped: query.get("wrap") !== "off",
    hasTimes: query.get("times") === "on",
    logLine: parseCount(query.get("line_number")),
  };
}

/** The query of an address, without the question mark; empty when all is as by default. */
export function formatView(view: ViewState): string {
  const query = new URLSearchParams();
  if (view.metrics) query.set("q", view.metrics);
  if (view.view !== null) query.set("view", view.view);
  if (view.runs) query.set("search", view.runs);
  if (view.filter) query.set("filter", view.filter);
  for (const { column, isDescending } of view.sort) query.append("sort", (isDescending ? "-" : "+") + column);
  for (const column of view.groupBy) query.append("group", column);
  if (view.aggregate !== DEFAULT_VIEW.aggregate) query.set("aggregate", view.aggregate);
  if (view.band !== DEFAULT_VIEW.band) query.set("band", view.band);
  if (view.clip !== DEFAULT_VIEW.clip) query.set("clip", view.clip);
  // An empty one says that there are none.
  for (const column of view.columns?.length === 0 ? [""] : (view.columns ?? [])) query.append("column", column);
  for (const run of view.pinned) query.append("pin", run);
  for (const [column, width] of Object.entries(view.widths)) query.append("width", `${width},${column}`);
  if (view.hasArchived) query.set("archived", "with");
  if (view.cursor !== null) query.set("cursor", String(view.cursor));
  if (view.file !== null) query.set("file", view.file);
  if (view.hasSame) query.set("rows", "all");
  if (view.x) query.set("x", view.x);
  if (view.smoothing) query.set("smooth", `${view.smoothing.kind}:${view.smoothing.amount}`);
  const log = (view.isLogX ? "x" : "") + (view.isLogY ? "y" : "") + (view.isLogColor ? "c" : "");
  if (log) query.set("log", log);
  if (view.histograms !== DEFAULT_VIEW.histograms) query.set("histograms", view.histograms);
  if (view.line !== "last") query.set("line", view.line);
  if (view.sections !== "last") query.set("sections", view.sections);
  for (const run of view.hidden) query.append("hide", run);
  for (const run of view.only) query.append("only", run);
  if (view.highlight) query.set("run", view.highlight);
  for (const section of view.closed) query.append("closed", section);
  if (view.zoom) query.set("zoom", `${view.zoom.min},${view.zoom.max},${view.zoom.axis}`);
  if (view.panel !== null) query.set("panel", view.panel);
  if (view.media !== null) query.set("media", view.media);
  // Of a card that is open alone: the next one opens as usual.
  if (view.media !== null && view.mediaShown !== DEFAULT_VIEW.mediaShown) query.set("show", view.mediaShown);
  if (view.item) query.set("item", `${view.item.index},${view.item.run}`);
  for (const [id, step] of Object.entries(view.steps)) query.append("at", `${step},${id}`);
  if (view.tab !== DEFAULT_VIEW.tab) query.set("tab", view.tab);
  if (view.hasEnvironment) query.set("environment", "open");
  if (view.writer) query.set("writer", view.writer);
  if (view.find) query.set("find", view.find);
  if (view.hasOnlyMatches) query.set("lines", "matching");
  if (!view.isWrapped) query.set("wrap", "off");
  if (view.hasTimes) query.set("times", "on");
  if (view.logLine !== null) query.set("line_number", String(view.logLine));
  return query.toString();
}

export function parseAxis(text: string | null): XAxis | null {
  return text !== null && isAxis(text) ? text : null;
}

export function parseSmoothing(text: string | null): SeriesSmoothing | null {
  const [kind, amountText] = text?.split(":") ?? [];
  const amount = Number.parseFloat(amountText ?? "");
  const isWithin = SMOOTHING_LIMITS[kind as SeriesSmoothing["kind"]];
  return isWithin?.(amount) ? { kind: kind as SeriesSmoothing["kind"], amount } : null;
}

function parseZoom(text: string | null): Zoom | null {
  const match = text?.match(/^([^,]+),([^,]+),(.+)$/s);
  if (!match) return null;
  const [min, max, axis] = [Number(match[1]), Number(match[2]), parseAxis(match[3])];
  return axis && Number.isFinite(min) && Number.isFinite(max) && min < max ? { min, max, axis } : null;
}

const parseCount = (text: string | null): number | null => (text && /^\d{1,15}$/.test(text) ? Number(text) : null);

const parseSort = (texts: readonly string[]): SortColumn[] =>
  texts.flatMap((text) =>
    /^[+-]./s.test(text) ? [{ column: text.slice(1), isDescending: text.startsWith("-") }] : [],
  );

function parseItem(text: string | null): MediaItem | null {
  const match = text?.match(/^(\d+),(.+)$/s);
  return match ? { index: Number(match[1]), run: match[2] } : null;
}

function parseWidths(texts: readonly string[]): Record<string, number> {
  const widths: Record<string, number> = {};
  for (const text of texts) {
    const match = text.match(/^(\d{2,4}),(.+)$/s);
    if (match) widths[match[2]] = Number(match[1]);
  }
  return widths;
}

function parseSteps(texts: readonly string[]): Record<string, number> {
  const steps: Record<string, number> = {};
  for (const text of texts) {
    const match = text.match(/^(-?\d+),(.+:.+)$/s);
    if (match) steps[match[2]] = Number(match[1]);
  }
  return steps;
}
