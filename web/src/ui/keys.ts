/**
 * The keys of the page: what each does at present, in words, and which of those who declare one is asked.
 *
 * A name is a key as the browser says it ("j", "?", "["), two in turn with a blank between ("g p"), or one with ⌘ or Ctrl ("mod+k",
 * "mod+shift+z").
 * No key fires while a person types, but for those with ⌘ or Ctrl, which are no text.
 */
export type KeyHandler = (event: KeyPress) => void;

export interface KeyAction {
  /** What it does; empty where the list need not say it. */
  words: string;
  group: string;
  /** Whether the key is left to a text that is typed, which has such a one itself. */
  isOfText?: boolean;
  run: KeyHandler;
}

/** By name. A handler alone is enough where the key means the same on every page: `COMMON`. */
export type KeyMap = Readonly<Record<string, KeyHandler | KeyAction>>;

/** The part of a keyboard event that matters. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  isComposing: boolean;
  isTyping: boolean;
}

export interface KeyGroup {
  group: string;
  keys: { name: string; words: string }[];
}

export const THIS_PAGE = "On this page";
export const EVERYWHERE = "Everywhere";
export const GO = "Go to";

const COMMON: Readonly<Record<string, string>> = {
  "/": "search",
  j: "next run",
  k: "previous run",
  "[": "back by a logged step",
  "]": "on by a logged step",
};
// The groups of the list from top to bottom; others come behind, in the order they were declared.
const GROUPS = [THIS_PAGE, GO, EVERYWHERE];
const SEQUENCE_MS = 1500;

export class KeyRegistry {
  /** The last is asked first: what a page declares goes before what its frame does. */
  private readonly layers: (() => KeyMap)[] = [];
  private first = "";
  private firstTime = 0;

  /** Declares keys. Returns what takes them back. */
  add(layer: () => KeyMap): () => void {
    this.layers.push(layer);
    return () => {
      const index = this.layers.indexOf(layer);
      if (index >= 0) this.layers.splice(index, 1);
    };
  }

  /** Does what a key is for; says whether it was for anything. */
  press(event: KeyPress, nowMs: number): boolean {
    const name = nameOf(event);
    if (name === null) return false;
    const before = nowMs - this.firstTime < SEQUENCE_MS ? this.first : "";
    this.first = "";
    const action = (before && this.find(`${before} ${name}`)) || this.find(name);
    if (action) {
      if (event.isTyping && action.isOfText) return false;
      action.run(event);
      return true;
    }
    if (!this.beginsSequence(name)) return false;
    this.first = name;
    this.firstTime = nowMs;
    return true;
  }

  /** All keys that do something now, with words, by group. */
  list(): KeyGroup[] {
    const groups = new Map<string, Map<string, string>>(GROUPS.map((group) => [group, new Map()]));
    const seen = new Set<string>();
    for (const layer of this.layers.toReversed()) {
      for (const [name, declared] of Object.entries(layer())) {
        if (seen.has(name)) continue;
        seen.add(name);
        const { words, group } =
          typeof declared === "function" ? { words: COMMON[name] ?? "", group: THIS_PAGE } : declared;
        if (!words) continue;
        const keys = groups.get(group) ?? new Map<string, string>();
        groups.set(group, keys.set(name, words));
      }
    }
    return [...groups].flatMap(([group, keys]) =>
      keys.size === 0 ? [] : [{ group, keys: [...keys].map(([name, words]) => ({ name, words })) }],
    );
  }

  private find(name: string): Pick<KeyAction, "run" | "isOfText"> | null {
    for (const layer of this.layers.toReversed()) {
      const map = layer();
      if (!Object.hasOwn(map, name)) continue;
      const declared = map[name];
      return typeof declared === "function" ? { run: declared } : declared;
    }
    return null;
  }

  private beginsSequence(name: string): boolean {
    return this.layers.some((layer) => Object.keys(layer()).some((each) => each.startsWith(`${name} `)));
  }
}

/** The name of a key, or null for one that is not the page's. */
function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey, isComposing, isTyping }: KeyPress): string | null {
  if (isComposing || key === "Dead") return null;
  // Where "[" and the like are typed with Alt or AltGr, which some systems say is Ctrl and Alt, they are plain keys all the same.
  const isTypedWithAlt = altKey && !metaKey && key.length === 1 && !/[\p{L}\p{N}\s]/u.test(key);
  if (!isTypedWithAlt) {
    if (altKey) return null;
    if (ctrlKey || metaKey) return `mod+${shiftKey ? "shift+" : ""}${key.toLowerCase()}`;
  }
  return isTyping ? null : key;
}

/** The keys of a name as they stand on the keyboard: "mod+k" is ⌘K on a Mac and Ctrl K elsewhere. */
export function keysOf(name: string, isApple: boolean): string[] {
  if (!name.startsWith("mod+")) return name.split(" ");
  const hasShift = name.startsWith("mod+shift+");
  const key = name.slice(name.lastIndexOf("+") + 1).toUpperCase();
  if (isApple) return [`${hasShift ? "⇧" : ""}⌘${key}`];
  return ["Ctrl", ...(hasShift ? ["Shift"] : []), key];
}
