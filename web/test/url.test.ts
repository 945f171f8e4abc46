import { describe, expect, test } from "vitest";
import { parseRoute, projectPath, runPath } from "../src/url/route";
import { DEFAULT_VIEW, formatView, parseView, type ViewState } from "../src/url/view_state";

describe("view state", () => {
  test("as by default leaves the address bare", () => {
    expect(formatView(DEFAULT_VIEW)).toBe("");
    expect(parseView("")).toEqual(DEFAULT_VIEW);
  });

  test("comes back from the address as it was", () => {
    const view: ViewState = {
      x: "metric:train/epoch, all",
      smoothing: { kind: "ema", amount: 0.9 },
      isLogX: true,
      isLogY: true,
      isLogColor: true,
      histograms: "ridge",
      line: "mean",
      sections: "first",
      metrics: "^train/(loss|acc)&x=1",
      runs: "a+b",
      view: "v 1",
      filter: 'acc > 0.9 and "lr" < 1e-3',
      sort: [
        { column: "summary.val/acc", isDescending: true },
        { column: "name", isDescending: false },
      ],
      groupBy: ["config.lr", "tags"],
      aggregate: "median",
      band: "stderr",
      clip: "95",
      columns: [],
      pinned: ["r 2"],
      widths: { "config.lr": 120 },
      hasArchived: true,
      cursor: 18_200,
      file: "code/train.py",
      hasSame: true,
      hidden: ["r,1", "r 2"],
      only: ["ü"],
      highlight: "r,1",
      closed: ["a/b", "Charts"],
      zoom: { min: -1.5, max: 1e-7, axis: "metric:a,b" },
      panel: "train/loss",
      media: "image:a,b/c",
      mediaShown: "steps",
      item: { run: "r,1", index: 3 },
      steps: { "image:a,b/c": 18, "table:x:y": -1 },
      tab: "logs",
      hasEnvironment: true,
      writer: "w 1",
      find: "loss=\\d+&",
      hasOnlyMatches: true,
      isWrapped: false,
      hasTimes: true,
      logLine: 1200,
    };
    expect(parseView(`?${formatView(view)}`)).toEqual(view);
  });

  test.each([
    "smooth=ema:1",
    "smooth=ema:x",
    "smooth=cubic:3",
    "smooth=gaussian:0",
    "zoom=5,1,step",
    "zoom=1,2",
    "x=weekday",
    "x=metric:",
    "at=18",
    "at=x,image:a",
    "at=1,2",
    "item=run",
    "item=-1,run",
    "tab=nowhere",
    "line_number=-1",
    "line_number=x",
  ])("what cannot be is left out: %s", (query) => {
    expect(parseView(query)).toEqual(DEFAULT_VIEW);
  });
});

describe("routes", () => {
  test.each(["demo", "a/b c", "100%", "ü?#", "a%2Fb"])("lead to the project '%s' and its runs", (name) => {
    expect(parseRoute(projectPath(name))).toEqual({ page: "workspace", project: name });
    expect(parseRoute(runPath(name, name))).toEqual({ page: "run", project: name, run: name });
  });

  test("of no page are known as such", () => {
    expect(parseRoute("/")).toEqual({ page: "projects" });
    for (const path of ["/x", "/p", "/p/a/b", "/p/a/r", "/p/%ff"])
      expect(parseRoute(path)).toEqual({ page: "unknown" });
  });
});
