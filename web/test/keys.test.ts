import { describe, expect, it } from "vitest";
import { EVERYWHERE, GO, type KeyPress, KeyRegistry, keysOf, THIS_PAGE } from "../src/ui/keys";

const press = (key: string, rest: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  isComposing: false,
  isTyping: false,
  ...rest,
});

function registryOf(said: string[]) {
  const registry = new KeyRegistry();
  const say = (what: string) => () => void said.push(what);
  registry.add(() => ({
    t: { words: "light or dark", group: EVERYWHERE, run: say("theme") },
    "g p": { words: "projects", group: GO, run: say("projects") },
    "mod+k": { words: "find anything", group: EVERYWHERE, run: say("palette") },
    "[": say("back"),
  }));
  return { registry, say };
}

describe("keys", () => {
  it("fire once each, and in turn within a moment", () => {
    const said: string[] = [];
    const { registry } = registryOf(said);
    expect(registry.press(press("t"), 0)).toBe(true);
    expect(registry.press(press("x"), 1)).toBe(false);
    expect(registry.press(press("g"), 10)).toBe(true);
    expect(registry.press(press("p"), 900)).toBe(true);
    expect(registry.press(press("p"), 901)).toBe(false);
    registry.press(press("g"), 1000);
    expect(registry.press(press("p"), 9000)).toBe(false);
    // A key that is not the second of two is what it always is.
    registry.press(press("g"), 10_000);
    expect(registry.press(press("t"), 10_001)).toBe(true);
    expect(said).toEqual(["theme", "projects", "theme"]);
  });

  it("do nothing while a person types, but for those with the command key", () => {
    const said: string[] = [];
    const { registry } = registryOf(said);
    expect(registry.press(press("t", { isTyping: true }), 0)).toBe(false);
    expect(registry.press(press("t", { ctrlKey: true }), 0)).toBe(false);
    expect(registry.press(press("t", { altKey: true }), 0)).toBe(false);
    expect(registry.press(press("k", { isComposing: true, ctrlKey: true }), 0)).toBe(false);
    expect(registry.press(press("k", { isTyping: true, metaKey: true }), 0)).toBe(true);
    expect(registry.press(press("K", { isTyping: true, ctrlKey: true }), 0)).toBe(true);
    expect(said).toEqual(["palette", "palette"]);
  });

  it("are left to a text that is typed where it has them itself, and tell Shift", () => {
    const said: string[] = [];
    const { registry, say } = registryOf(said);
    registry.add(() => ({
      "mod+z": { words: "undo", group: THIS_PAGE, isOfText: true, run: say("undo") },
      "mod+shift+z": { words: "redo", group: THIS_PAGE, isOfText: true, run: say("redo") },
    }));
    expect(registry.press(press("z", { ctrlKey: true, isTyping: true }), 0)).toBe(false);
    expect(registry.press(press("z", { ctrlKey: true }), 0)).toBe(true);
    expect(registry.press(press("Z", { metaKey: true, shiftKey: true }), 0)).toBe(true);
    expect(registry.press(press("K", { ctrlKey: true, shiftKey: true }), 0)).toBe(false);
    expect(said).toEqual(["undo", "redo"]);
  });

  it("are known where a keyboard needs Alt or AltGr for them", () => {
    const said: string[] = [];
    const { registry } = registryOf(said);
    expect(registry.press(press("[", { altKey: true }), 0)).toBe(true);
    expect(registry.press(press("[", { altKey: true, ctrlKey: true }), 0)).toBe(true);
    expect(registry.press(press("[", { altKey: true, ctrlKey: true, isTyping: true }), 0)).toBe(false);
    expect(said).toEqual(["back", "back"]);
  });

  it("of a page go before those of its frame, and are taken back with it", () => {
    const said: string[] = [];
    const { registry, say } = registryOf(said);
    const remove = registry.add(() => ({
      t: { words: "take", group: THIS_PAGE, run: say("page") },
      j: say("next"),
    }));
    expect(registry.list()).toEqual([
      {
        group: THIS_PAGE,
        keys: [
          { name: "t", words: "take" },
          { name: "j", words: "next run" },
          { name: "[", words: "back by a logged step" },
        ],
      },
      { group: GO, keys: [{ name: "g p", words: "projects" }] },
      { group: EVERYWHERE, keys: [{ name: "mod+k", words: "find anything" }] },
    ]);
    registry.press(press("t"), 0);
    remove();
    registry.press(press("t"), 1);
    expect(registry.press(press("j"), 2)).toBe(false);
    expect(said).toEqual(["page", "theme"]);
  });

  it("are written as they stand on the keyboard", () => {
    expect(keysOf("mod+k", true)).toEqual(["⌘K"]);
    expect(keysOf("mod+k", false)).toEqual(["Ctrl", "K"]);
    expect(keysOf("mod+shift+z", true)).toEqual(["⇧⌘Z"]);
    expect(keysOf("mod+shift+z", false)).toEqual(["Ctrl", "Shift", "Z"]);
    expect(keysOf("g p", false)).toEqual(["g", "p"]);
    expect(keysOf("?", true)).toEqual(["?"]);
  });
});
