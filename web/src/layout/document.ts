/**
 * What a person has made of a project's charts beyond the address: added panels, order, sizes, colours.
 *
 * It is kept by the daemon as a saved view, under a version. A document of a later version is not read, so that it is not
 * written back with less in it.
 */
import { isAxis, type SeriesSmoothing, type XAxis } from "../api/series";
import { type LineValue, parseSmoothing } from "../url/view_state";

export const LAYOUT_VERSION = 1;

/** How one chart differs from what the address says for all; what is left out is as for all. */
export interface ChartSettings {
  x?: XAxis;
  smoothing?: SeriesSmoothing | null;
  isLogX?: boolean;
  isLogY?: boolean;
  line?: LineValue;
  /** The ends of the y axis; null where the values say. */
  yRange?: readonly [number | null, number | null];
  hasZero?: boolean;
}

/** How a card differs from what it is by itself: its place, its size, its looks. */
export interface CardChange {
  /** The section it was moved to. */
  section?: string;
  title?: string;
  /** Columns of the grid that it takes. */
  width?: number;
  isHidden?: boolean;
  settings?: ChartSettings;
}

export interface AddedCard {
  id: string;
  section: string;
  /** A kind of `panels/kinds.ts`, which reads the configuration. */
  kind: string;
  config: unknown;
}

export interface SectionChange {
  /** Columns of its grid; left out for as many as fit. */
  columns?: number;
  /** The height of its charts in pixels. */
  height?: number;
  /** Cards in the order a person put them; others follow in their own. */
  order?: readonly string[];
}

export interface Layout {
  /** The address' query that the view begins with. */
  query: string;
  /** Sections in the order a person put them; others follow by name. */
  sectionOrder: readonly string[];
  /** Sections that a person made, which stay though they are empty. */
  addedSections: readonly string[];
  sections: Readonly<Record<string, SectionChange>>;
  cards: Readonly<Record<string, CardChange>>;
  added: readonly AddedCard[];
  /** The looks chosen for runs: the number of a colour and dash, by run id. */
  slots: Readonly<Record<string, number>>;
}

export const EMPTY_LAYOUT: Layout = {
  query: "",
  sectionOrder: [],
  addedSections: [],
  sections: {},
  cards: {},
  added: [],
  slots: {},
};

export const writeLayout = (layout: Layout): object => ({ version: LAYOUT_VERSION, ...layout });

/** Reads a layout from what the daemon keeps; null where it is none, or of a later version. What is odd in it is left out. */
export function readLayout(json: unknown): Layout | null {
  const document = object(json);
  if (!document || typeof document.version !== "number" || document.version > LAYOUT_VERSION) return null;
  return {
    query: text(document.query) ?? "",
    sectionOrder: texts(document.sectionOrder),
    addedSections: texts(document.addedSections),
    sections: entries(document.sections, readSection),
    cards: entries(document.cards, readCard),
    added: list(document.added).flatMap((one) => readAdded(one) ?? []),
    slots: entries(document.slots, (one) => count(one) ?? null),
  };
}

function readSection(json: unknown): SectionChange | null {
  const section = object(json);
  if (!section) return null;
  return defined({
    columns: within(count(section.columns), 1, 12),
    height: within(count(section.height), CARD_HEIGHT_MIN, CARD_HEIGHT_MAX),
    order: Array.isArray(section.order) ? texts(section.order) : undefined,
  });
}

function readCard(json: unknown): CardChange | null {
  const card = object(json);
  if (!card) return null;
  return defined({
    section: text(card.section),
    title: text(card.title),
    width: within(count(card.width), 1, 12),
    isHidden: truth(card.isHidden),
    settings: readSettings(card.settings),
  });
}

export function readSettings(json: unknown): ChartSettings | undefined {
  const settings = object(json);
  if (!settings) return undefined;
  const range = list(settings.yRange);
  const smoothing = object(settings.smoothing);
  return defined<ChartSettings>({
    x: typeof settings.x === "string" && isAxis(settings.x) ? settings.x : undefined,
    smoothing:
      settings.smoothing === null
        ? null
        : ((smoothing && parseSmoothing(`${String(smoothing.kind)}:${String(smoothing.amount)}`)) ?? undefined),
    isLogX: truth(settings.isLogX),
    isLogY: truth(settings.isLogY),
    line: LINE_VALUES.find((one) => one === settings.line),
    yRange: range.length === 2 ? ([finite(range[0]), finite(range[1])] as const) : undefined,
    hasZero: truth(settings.hasZero),
  });
}

function readAdded(json: unknown): AddedCard | null {
  const card = object(json);
  const [id, section, kind] = [text(card?.id), text(card?.section), text(card?.kind)];
  if (!card || id === undefined || section === undefined || kind === undefined) return null;
  return { id, section, kind, config: card.config };
}

/** The heights that a chart may be given, in pixels. */
export const CARD_HEIGHT_MIN = 140;
export const CARD_HEIGHT_MAX = 1200;

const LINE_VALUES: readonly LineValue[] = ["last", "mean"];

const object = (json: unknown): Record<string, unknown> | null =>
  typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
const list = (json: unknown): readonly unknown[] => (Array.isArray(json) ? (json as unknown[]) : []);
const text = (json: unknown): string | undefined => (typeof json === "string" ? json : undefined);
const texts = (json: unknown): string[] => list(json).filter((one): one is string => typeof one === "string");
const truth = (json: unknown): boolean | undefined => (typeof json === "boolean" ? json : undefined);
const finite = (json: unknown): number | null => (typeof json === "number" && Number.isFinite(json) ? json : null);
const count = (json: unknown): number | undefined =>
  typeof json === "number" && Number.isInteger(json) && json >= 0 ? json : undefined;
const within = (value: number | undefined, min: number, max: number): number | undefined =>
  value === undefined ? undefined : Math.min(max, Math.max(min, value));

function entries<T>(json: unknown, read: (one: unknown) => T | null): Record<string, T> {
  // Not by assignment, for which `__proto__` is no name like others.
  return Object.fromEntries(
    Object.entries(object(json) ?? {}).flatMap(([name, one]): [string, T][] => {
      const value = read(one);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** Without what is undefined: absent and undefined are the same thing, and only one of them is written. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}
