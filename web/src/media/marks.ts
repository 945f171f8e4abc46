/**
 * Masks and boxes over images: which there are in what a card shows, and which of them a person wants to see.
 *
 * A class is named by the kind and the name of its set and by its id, so that the same class of a prediction and of the truth are
 * switched apart from each other. What is chosen for a card is kept for as long as the page lives.
 */
import { own } from "../data/own";
import type { ClassNames, ImageBox, ImageDocument } from "../api/records";

export interface Marks {
  /** The classes that were switched, by their keys; the others are as `isBackground` says. */
  switched: Readonly<Record<string, boolean>>;
  /** Of masks, 0 to 1. */
  opacity: number;
  /** The least score shown, by the score's name. */
  scoreMin: Readonly<Record<string, number>>;
}

export const DEFAULT_MARKS: Marks = { switched: {}, opacity: 0.55, scoreMin: {} };

export interface MarkClass {
  key: string;
  id: number;
  name: string;
  isBackground: boolean;
}

export interface MarkSet {
  kind: "mask" | "box";
  name: string;
  classes: MarkClass[];
}

export interface ScoreRange {
  name: string;
  min: number;
  max: number;
}

const classKey = (kind: MarkSet["kind"], set: string, id: number) => `${kind}/${set}/${id}`;

const BACKGROUND_NAMES = new Set(["background", "unlabeled", "unlabelled", "void", "ignore"]);

/** Class 0 is the background unless it has another name: painted, it would hide the whole image. */
const isBackground = (id: number, name: string | undefined) =>
  name === undefined ? id === 0 : BACKGROUND_NAMES.has(name.toLowerCase());

export function markClass(kind: MarkSet["kind"], set: string, id: number, names: ClassNames | undefined): MarkClass {
  const name = names?.[String(id)];
  return {
    key: classKey(kind, set, id),
    id,
    name: name ?? `class ${id}`,
    isBackground: kind === "mask" && isBackground(id, name),
  };
}

export const isShown = ({ switched }: Pick<Marks, "switched">, one: MarkClass): boolean =>
  switched[one.key] ?? !one.isBackground;

/** Whether a box's scores reach what is asked; a score that it has not is not asked for. */
export function reachesScores(marks: Marks, box: ImageBox): boolean {
  return Object.entries(box.scores ?? {}).every(
    ([name, score]) => score === null || score >= (own(marks.scoreMin, name) ?? -Infinity),
  );
}

/**
 * The sets of masks and boxes in the images, by name, with their classes by id.
 *
 * @param idsIn the class ids in the pixels of a mask, by its sha256, as far as they are known.
 */
export function markSets(
  images: readonly ImageDocument[],
  idsIn: (sha256: string) => readonly number[] | undefined,
): MarkSet[] {
  const sets = new Map<string, { kind: MarkSet["kind"]; name: string; classes: Map<number, MarkClass> }>();
  const add = (kind: MarkSet["kind"], name: string, ids: Iterable<number>, names: ClassNames | undefined) => {
    const set = sets.get(`${kind}/${name}`) ?? { kind, name, classes: new Map<number, MarkClass>() };
    sets.set(`${kind}/${name}`, set);
    // A name that another image of the card gives to the class is kept.
    for (const id of ids) {
      if (!set.classes.has(id) || names?.[String(id)] !== undefined)
        set.classes.set(id, markClass(kind, name, id, names));
    }
  };
  for (const image of images) {
    for (const mask of image.masks ?? []) {
      const names = mask.class_names ?? image.class_names;
      add("mask", mask.name, [...Object.keys(names ?? {}).map(Number), ...(idsIn(mask.file.sha256) ?? [])], names);
    }
    for (const group of image.boxes ?? []) {
      const ids = group.boxes.map((box) => box.class_id);
      add("box", group.name, ids, group.class_names ?? image.class_names);
    }
  }
  return [...sets.values()].map(({ kind, name, classes }) => ({
    kind,
    name,
    classes: [...classes.values()].sort((a, b) => a.id - b.id),
  }));
}

/** The scores of the boxes in the images, with a range that holds them all: 0 to 1 where that does. */
export function scoreRanges(images: readonly ImageDocument[]): ScoreRange[] {
  const ranges = new Map<string, ScoreRange>();
  for (const image of images) {
    for (const { boxes } of image.boxes ?? []) {
      for (const box of boxes) {
        for (const [name, score] of Object.entries(box.scores ?? {})) {
          if (score === null) continue;
          const range = ranges.get(name) ?? { name, min: 0, max: 1 };
          ranges.set(name, { name, min: Math.min(range.min, score), max: Math.max(range.max, score) });
        }
      }
    }
  }
  return [...ranges.values()];
}

const chosen = new Map<string, Marks>();
const listeners = new Set<() => void>();

export const getMarks = (card: string): Marks => chosen.get(card) ?? DEFAULT_MARKS;

export function changeMarks(card: string, change: Partial<Marks>): void {
  chosen.set(card, { ...getMarks(card), ...change });
  for (const listener of listeners) listener();
}

export function subscribeMarks(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
