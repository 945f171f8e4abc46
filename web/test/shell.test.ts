import { describe, expect, it } from "vitest";
import { noteCompared, projectLinks } from "../src/app/project_links";
import { type Entry, findEntries, markedPieces } from "../src/palette/entries";
import { parseRecent, presentRecent, withRecent } from "../src/palette/recent";
import { viewActions } from "../src/palette/view_actions";
import { DEFAULT_VIEW, parseView, type ViewState } from "../src/url/view_state";

const entry = (id: string, kind: Entry["kind"], title: string): Entry => ({ id, kind, title, href: `/${id}` });

const ENTRIES: Entry[] = [
  { id: "action:log-y", kind: "action", title: "Logarithmic y axes", run: () => undefined },
  entry("settings", "page", "Settings"),
  entry("r1", "run", "lossy"),
  entry("m1", "metric", "train/loss"),
  entry("m2", "metric", "loss"),
  entry("p", "project", "colossal"),
];

describe("the palette", () => {
  it("lists the kind with the best find first, and its finds by how well they fit", () => {
    const groups = findEntries(ENTRIES, "loss", []);
    expect(groups.map(({ kind, found }) => [kind, found.map((one) => one.entry.title)])).toEqual([
      ["metric", ["loss", "train/loss"]],
      ["run", ["lossy"]],
      ["project", ["colossal"]],
    ]);
    expect(findEntries(ENTRIES, "zzz", [])).toEqual([]);
  });

  it("shows what was chosen last before anything is typed, once", () => {
    const groups = findEntries(ENTRIES, " ", [ENTRIES[1]]);
    expect(groups.map(({ kind, found }) => [kind, found.map((one) => one.entry.id)])).toEqual([
      ["recent", ["settings"]],
      ["action", ["action:log-y"]],
      ["project", ["p"]],
    ]);
  });

  it("forgets what can no longer be done, and keeps what can still be gone to", () => {
    const list = withRecent([ENTRIES[0], entry("gone", "run", "old")], ENTRIES[2]);
    expect(list.map(({ id }) => id)).toEqual(["r1", "action:log-y", "gone"]);
    expect(presentRecent(list, []).map(({ id }) => id)).toEqual(["r1", "gone"]);
    expect(presentRecent(list, ENTRIES)[1]).toBe(ENTRIES[0]);
    expect(withRecent(list, ENTRIES[2]).map(({ id }) => id)).toEqual(["r1", "action:log-y", "gone"]);
  });

  it("reads no list but its own", () => {
    const kept = JSON.stringify(withRecent([], ENTRIES[3]));
    expect(parseRecent(kept)).toEqual([ENTRIES[3]]);
    for (const text of [null, "", "{", "{}", "[1, null]", '[{"id":"x","title":"x","kind":"other"}]']) {
      expect(parseRecent(text)).toEqual([]);
    }
    for (const href of ["https://elsewhere.example", "//elsewhere.example", "javascript:alert(1)"]) {
      expect(parseRecent(JSON.stringify([{ ...ENTRIES[3], href }]))).toEqual([]);
    }
  });

  it("marks the letters that were found", () => {
    expect(markedPieces("train/loss", [0, 6, 7])).toEqual([
      { text: "t", isFound: true },
      { text: "rain/", isFound: false },
      { text: "lo", isFound: true },
      { text: "ss", isFound: false },
    ]);
  });

  it("offers what would change something on the page", () => {
    const titles = (view: Partial<ViewState>) =>
      viewActions({ ...DEFAULT_VIEW, ...view }, () => undefined).map(({ title }) => title);
    expect(titles({})).toEqual(["Logarithmic y axes", "Logarithmic x axes"]);
    const all = titles({ isLogY: true, smoothing: { kind: "ema", amount: 0.5 }, hidden: ["r"], metrics: "loss" });
    expect(all).toEqual(["Linear y axes", "Logarithmic x axes", "Smoothing off", "Show all metrics", "Show all runs"]);
  });
});

describe("links between a project's pages", () => {
  const search =
    "?filter=acc+%3E+1&search=a&sort=-name&group=config.lr&hide=r1&smooth=ema%3A0.5&panel=loss&column=name";

  it("keep everything but what is open over a page", () => {
    const { workspace, table } = projectLinks("a/b", "/p/a%2Fb", search);
    const view = parseView(table.split("?")[1]);
    expect(table.startsWith("/p/a%2Fb/table?")).toBe(true);
    expect(workspace.split("?")[1]).toBe(table.split("?")[1]);
    expect(view).toEqual({ ...parseView(search), panel: null });
  });

  it("take from other pages which runs there are, and nothing of how that page looks", () => {
    const view = parseView(projectLinks("a", "/p/a/r/x", `${search}&tab=logs`).workspace.split("?")[1]);
    expect(view.filter).toBe("acc > 1");
    expect(view.hidden).toEqual(["r1"]);
    expect(view.smoothing).toBeNull();
    expect(view.tab).toBe(DEFAULT_VIEW.tab);
    expect(projectLinks("a", "/p/a/r/x", "").table).toBe("/p/a/table");
  });

  it("lead to a comparison of the runs that were picked, and else of the few that are drawn", () => {
    const compare = (path: string, query: string, drawn: string[] = []) =>
      projectLinks("c", `/p/c${path}`, query, drawn).compare.replace(/^\/p\/c\/compare\??/, "");
    const many = Array.from({ length: 9 }, (_, index) => `r${index}`);
    expect(compare("", "", [])).toBe("");
    expect(compare("", "", many)).toBe("");
    expect(compare("", "", ["x", "y"])).toBe("runs=x%2Cy");
    expect(compare("/compare", "?runs=x%2Cy&rows=all")).toBe("runs=x%2Cy&rows=all");
    expect(compare("/r/x", "?tab=logs&hide=z")).toBe("runs=x&hide=z");
    noteCompared("c", ["l", "m"]);
    expect(compare("/table", "")).toBe("runs=l%2Cm");
    expect(compare("", "?hide=z", ["x", "y"])).toBe("runs=x%2Cy&hide=z");
    expect(compare("", "?hide=z", many)).toBe("runs=l%2Cm&hide=z");
    expect(compare("", "?only=o&only=p", ["x"])).toBe("runs=o%2Cp&only=o&only=p");
    expect(projectLinks("another", "/p/another", "").compare).toBe("/p/another/compare");
  });
});
