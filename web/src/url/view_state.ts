/** What a person has chosen to see, as it stands in the address. What is as by default is left out. */
import type { SeriesSmoothing, XAxis } from "../api/series";

export type SectionRule = "last" | "first";
export type LineValue = "last" | "mean";

/** The parts of a run's page. */
export const TABS = ["overview", "system", "logs"] as const;
export type Tab = (typeof TABS)[number];

export interface Zoom {
  min: number;
  max: number;
  /** The axis it was made on: charts with another x are not touched. */
  axis: XAxis;
}

export interface ViewState {
  /** null: each metric's own, the step where it has none. */
  x: XAxis | null;
  smoothing: SeriesSmoothing | null;
  isLogX: boolean;
  isLogY: boolean;
  /** Whether the colours of heat maps are logarithmic. */
  isLogColor: boolean;
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
  line: "last",
  sections: "last",
  metrics: "",
  runs: "",
  hidden: [],
  only: [],
  highlight: null,
  closed: [],
  zoom: null,
  panel: null,
  media: null,
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
    line: query.get("line") === "mean" ? "mean" : "last",
    sections: query.get("sections") === "first" ? "first" : "last",
    metrics: query.get("q") ?? "",
    runs: query.get("runs") ?? "",
    hidden: query.getAll("hide"),
    only: query.getAll("only"),
    highlight: query.get("run"),
    closed: query.getAll("closed"),
    zoom: parseZoom(query.get("zoom")),
    panel: query.get("panel"),
    media: query.get("media"),
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
  if (view.runs) query.set("runs", view.runs);
  if (view.x) query.set("x", view.x);
  if (view.smoothing) query.set("smooth", `${view.smoothing.kind}:${view.smoothing.amount}`);
  const log = (view.isLogX ? "x" : "") + (view.isLogY ? "y" : "") + (view.isLogColor ? "c" : "");
  if (log) query.set("log", log);
  if (view.line !== "last") query.set("line", view.line);
  if (view.sections !== "last") query.set("sections", view.sections);
  for (const run of view.hidden) query.append("hide", run);
  for (const run of view.only) query.append("only", run);
  if (view.highlight) query.set("run", view.highlight);
  for (const section of view.closed) query.append("closed", section);
  if (view.zoom) query.set("zoom", `${view.zoom.min},${view.zoom.max},${view.zoom.axis}`);
  if (view.panel !== null) query.set("panel", view.panel);
  if (view.media !== null) query.set("media", view.media);
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
  if (text === "step" || text === "wall_time" || text === "relative_time") return text;
  return text?.startsWith("metric:") && text.length > "metric:".length ? (text as XAxis) : null;
}

function parseSmoothing(text: string | null): SeriesSmoothing | null {
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

function parseItem(text: string | null): MediaItem | null {
  const match = text?.match(/^(\d+),(.+)$/s);
  return match ? { index: Number(match[1]), run: match[2] } : null;
}

function parseSteps(texts: readonly string[]): Record<string, number> {
  const steps: Record<string, number> = {};
  for (const text of texts) {
    const match = text.match(/^(-?\d+),(.+:.+)$/s);
    if (match) steps[match[2]] = Number(match[1]);
  }
  return steps;
}
