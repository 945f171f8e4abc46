import { describe, expect, it } from "vitest";
import { escapeRegex, fuzzy, fuzzyPattern } from "../src/palette/fuzzy";

const best = (query: string, texts: readonly string[]) =>
  texts
    .flatMap((text) => {
      const match = fuzzy(query, text);
      return match ? [{ text, score: match.score }] : [];
    })
    .sort((a, b) => b.score - a.score)
    .map(({ text }) => text);

const marked = (query: string, text: string) =>
  fuzzy(query, text)
    ?.positions.map((at) => text[at])
    .join("");

describe("fuzzy", () => {
  it("finds letters in their order and says where", () => {
    expect(fuzzy("tloss", "train/loss")?.positions).toEqual([0, 6, 7, 8, 9]);
    expect(marked("lr", "config.lr")).toBe("lr");
    expect(fuzzy("ba", "ab")).toBeNull();
    expect(fuzzy("aa", "a")).toBeNull();
    expect(fuzzy("abc", "ab")).toBeNull();
    expect(fuzzy("", "anything")?.positions).toEqual([]);
  });

  it("puts whole words before parts of words, and parts before scattered letters", () => {
    expect(best("loss", ["glossary", "l_o_s_s", "train/loss", "loss", "val"])).toEqual([
      "loss",
      "train/loss",
      "glossary",
      "l_o_s_s",
    ]);
    expect(best("loss", ["train/loss/very/long", "val/loss"])[0]).toBe("val/loss");
  });

  it("takes the start of a word before a letter within one, where the rest still fits", () => {
    expect(fuzzy("ab", "xaxbxa_b")?.positions).toEqual([1, 7]);
    expect(fuzzy("rl", "error/lr rate_loss")?.positions).toEqual([9, 14]);
    expect(fuzzy("nb", "aNb")?.positions).toEqual([1, 2]);
  });

  it("wants all words, in any order, whatever their case", () => {
    expect(fuzzy("LOSS train", "train/loss")).not.toBeNull();
    expect(fuzzy("loss test", "train/loss")).toBeNull();
  });

  it("asks the daemon the same, with signs that mean something escaped", () => {
    expect(fuzzyPattern(" a.b ")).toBe("(?i)a.*\\..*b");
    expect(fuzzyPattern("  ")).toBe("");
    expect(new RegExp(`^${escapeRegex("a+b[0]")}$`).test("a+b[0]")).toBe(true);
  });
});
