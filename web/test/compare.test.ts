import { describe, expect, it } from "vitest";
import type { WholeRun } from "../src/api/types";
import { factsOf, fileKey, parsePackages, pathOf } from "../src/compare/facts";
import { linesOf, patchLines } from "../src/compare/diff_lines";
import { pickRun, runLabels } from "../src/compare/pick_run";
import { countsOf, fullText, makeRows, stableText, type ValueRow } from "../src/compare/rows";
import { sharedMedia } from "../src/compare/shared_media";
import { compareQuery } from "../src/compare/address";
import { comparedRuns } from "../src/url/route";
import { DEFAULT_VIEW, parseView } from "../src/url/view_state";

const ALL = { hasSame: true, search: "", closed: [] };

function facts(...byRun: Record<string, unknown>[]) {
  return [{ section: "config", title: "Config", byRun: byRun.map((one) => new Map(Object.entries(one))) }];
}

const keys = (rows: ReturnType<typeof makeRows>) => rows.flatMap((row) => (row.kind === "value" ? [row.key] : []));

describe("rows", () => {
  it("mark what is not the first run's, a missing value too", () => {
    const rows = makeRows(facts({ lr: 1, seed: 3 }, { lr: 2, seed: 3 }, { seed: 3 }), ALL);
    const lr = rows.find((row) => row.kind === "value" && row.key === "lr") as ValueRow;
    expect(lr.differs).toEqual([false, true, true]);
    expect(lr.values).toEqual([1, 2, undefined]);
    expect(countsOf(rows)).toEqual({ keyCount: 2, differentCount: 1 });
  });

  it("show differences only, what the search finds, and no closed section", () => {
    const both = facts({ lr: 1, "lr.min": 4, seed: 3 }, { lr: 2, "lr.min": 4, seed: 5 });
    expect(keys(makeRows(both, { ...ALL, hasSame: false }))).toEqual(["lr", "seed"]);
    expect(keys(makeRows(both, { ...ALL, search: "^lr" }))).toEqual(["lr", "lr.min"]);
    expect(keys(makeRows(both, { ...ALL, search: "(" }))).toHaveLength(3);
    const closed = makeRows(both, { ...ALL, closed: ["config"] });
    expect(closed).toEqual([
      { kind: "section", section: "config", title: "Config", keyCount: 3, differentCount: 2, isClosed: true },
    ]);
    expect(makeRows(both, { ...ALL, search: "none" })).toEqual([]);
  });

  it("compare values whatever the order of their keys, and tell kinds apart", () => {
    expect(stableText({ a: [1, { c: 2, b: 3 }] })).toBe(stableText({ a: [1, { b: 3, c: 2 }] }));
    expect(stableText("1")).not.toBe(stableText(1));
    expect(stableText(null)).not.toBe(stableText(undefined));
    expect(fullText({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(fullText(undefined)).toBe("");
  });

  it("sort keys as people count", () => {
    expect(keys(makeRows(facts({ layer10: 1, layer2: 1 }, {}), ALL))).toEqual(["layer2", "layer10"]);
  });
});

describe("facts", () => {
  it("read packages in the forms of a list of requirements", () => {
    const text =
      "# made by pip\nnumpy==2.1.0\ntorch @ https://host/torch.whl\n\n-e file:///home/me/x  # trackd==0.1.0\nodd line\n";
    expect([...parsePackages(text)]).toEqual([
      ["numpy", "2.1.0"],
      ["torch", "https://host/torch.whl"],
      ["trackd", "0.1.0 (-e file:///home/me/x)"],
      ["odd line", "installed"],
    ]);
  });

  it("sort what is known of a run into sections", () => {
    const run = {
      config: { model: { layers: 2 } },
      summary: { loss: 1, sample: { type: "image", file: {}, width: 1, height: 1 } },
      environment: { "git.commit": "abc", "python.version": "3.12", "capture.problems": "none" },
      files: [
        { path: "train.py", sha256: "0123456789abcdef", size_bytes: 1, purpose: "code" },
        { path: "requirements.txt", sha256: "f", size_bytes: 1, purpose: "code" },
      ],
    } as unknown as WholeRun;
    const byName = new Map(factsOf([run], ["numpy==1\n"]).map(({ section, byRun }) => [section, [...byRun[0]]]));
    expect(byName.get("config")).toEqual([["model.layers", 2]]);
    expect(byName.get("summary")).toEqual([
      ["loss", 1],
      ["sample", "image"],
    ]);
    expect(byName.get("packages")).toEqual([["numpy", "1"]]);
    expect(byName.get("environment")).toEqual([["python.version", "3.12"]]);
    expect(byName.get("code")).toEqual([
      ["git.commit", "abc"],
      ["file train.py", "0123456789ab"],
    ]);
    expect(pathOf(fileKey("a/b.py"))).toBe("a/b.py");
    expect(pathOf("git.commit")).toBeNull();
  });
});

describe("differences", () => {
  it("are lines that both have or only one", () => {
    expect(linesOf("a\nb\nc\n", "a\nx\nc\n")).toEqual([
      { kind: "same", text: "a" },
      { kind: "removed", text: "b" },
      { kind: "added", text: "x" },
      { kind: "same", text: "c" },
    ]);
  });

  it("of files come as patches, whose head is left out and whose lines may begin with dashes", () => {
    const patch = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- old\n+new\n";
    expect(patchLines(patch).map(({ kind, text }) => [kind, text])).toEqual([
      ["place", "@@ -1,2 +1,2 @@"],
      ["same", "same"],
      ["removed", "-- old"],
      ["added", "new"],
    ]);
  });
});

describe("runs", () => {
  const runs = [
    { run_id: "1", name: "base" },
    { run_id: "2", name: "base" },
    { run_id: "3", name: "run-1" },
    { run_id: "4", name: "run-10" },
    { run_id: "5", name: "" },
  ];

  it("are picked by their label, id or a part that only one has", () => {
    expect(runLabels(runs).get("1")).toBe("base (1)");
    expect(runLabels(runs).get("5")).toBe("5");
    expect(pickRun(runs, "run-1")).toBe("3");
    expect(pickRun(runs, " base (2) ")).toBe("2");
    expect(pickRun(runs, "base")).toBeNull();
    expect(pickRun(runs, "-10")).toBe("4");
    expect(pickRun(runs, "5")).toBe("5");
    expect(pickRun(runs, "")).toBeNull();
  });

  it("and what is seen of them survive in the address, commas too", () => {
    const query = compareQuery(["a,b", "c"], { ...DEFAULT_VIEW, hasSame: true, metrics: "lr" });
    expect(comparedRuns(`?${query}`)).toEqual(["a,b", "c"]);
    expect(parseView(`?${query}`)).toMatchObject({ hasSame: true, metrics: "lr" });
    expect(compareQuery([], DEFAULT_VIEW)).toBe("");
  });

  it("share the media that at least two have logged, images first", () => {
    const metric = (name: string, kind: "image" | "audio" | "number") => ({
      name,
      kind,
      count: 1,
      first_step: 0,
      last_step: 0,
    });
    const shared = sharedMedia([
      [metric("voice", "audio"), metric("sample", "image"), metric("loss", "number")],
      [metric("voice", "audio"), metric("sample", "image"), metric("loss", "number")],
      [metric("other", "image")],
    ]);
    expect(shared.map(({ key, runCount }) => [key, runCount])).toEqual([
      ["sample", 2],
      ["voice", 2],
    ]);
  });
});
