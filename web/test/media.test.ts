import { afterEach, describe, expect, test, vi } from "vitest";
import type { Histograms, ImageDocument, LoggedRecord, RecordSeries } from "../src/api/records";
import type { RecordQuestion } from "../src/data/records";
import { scaleColor, scaleShare } from "../src/media/color_scale";
import { barsOf, barsPath, binAt, columnEdges, countsInWords, heatPixels, placeIn } from "../src/media/histogram";
import {
  DEFAULT_LOOK,
  dragged,
  filterOf,
  imagePlace,
  innerPlace,
  pinched,
  zoomed,
  ZOOM_MAX,
} from "../src/media/image_look";
import { differenceOf, pixelInWords, type Pixels } from "../src/media/pixels";
import { densitiesOf, scaleOf } from "../src/media/histogram_scale";
import { DEFAULT_MARKS, isShown, markClass, markSets, reachesScores, scoreRanges } from "../src/media/marks";
import { chooseStep } from "../src/media/use_chosen_step";
import { smallWidth } from "../src/media/small_image";
import { nextStep, positionOf, stepAtMost, stepInWords, unionOfSteps } from "../src/media/steps";
import { lookUp } from "../src/media/card_records";
import { followVideo, frameTime, type LinkedVideo } from "../src/media/video_link";
import { outlineOf } from "../src/media/waveform";
import { spectrogramOf } from "../src/media/spectrogram";
import { dtypeName, formatBytes, formatShape } from "../src/media/words";
import { chartMetrics } from "../src/panel/chart_metrics";
import { makeSections } from "../src/panel/sections";
import type { ShownRun } from "../src/panel/shown_run";

describe("a chosen step in the address", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("follows a slider that has come to rest", () => {
    vi.useFakeTimers();
    vi.stubGlobal("location", { search: "" });
    const changes: unknown[] = [];
    for (const step of [1, 2, 3]) chooseStep("media", step, (change) => changes.push(change));
    expect(changes).toEqual([]);
    vi.runAllTimers();
    expect(changes).toEqual([{ steps: { media: 3 } }]);
  });

  test("goes to the latest at once, so that a step marked right after it stays", () => {
    vi.useFakeTimers();
    vi.stubGlobal("location", { search: "" });
    const changes: unknown[] = [];
    chooseStep("media", 3, (change) => changes.push(change));
    chooseStep("media", null, (change) => changes.push(change));
    expect(changes).toEqual([{ steps: {}, cursor: null }]);
    vi.runAllTimers();
    expect(changes).toHaveLength(1);
  });
});

describe("the step shown", () => {
  test("is the largest that is not past the chosen one", () => {
    expect(stepAtMost([0, 18, 20], 19)).toBe(18);
    expect(stepAtMost([0, 18, 20], 20)).toBe(20);
    expect(stepAtMost([5], 4)).toBeNull();
  });

  test("goes back and on by what was logged, and behind the last one follows the latest", () => {
    const steps = [10, 20, 30];
    expect([null, 30, 25, 20, 10, 5].map((chosen) => nextStep(steps, chosen, -1))).toEqual([20, 20, 20, 10, 10, 10]);
    expect([null, 30, 25, 20, 5].map((chosen) => nextStep(steps, chosen, 1))).toEqual([null, null, 30, 30, 10]);
    expect(nextStep([7], null, -1)).toBe(7);
  });

  test("says when it is another one than was asked for", () => {
    expect(stepInWords(80, 1000)).toBe("step 80, the last before 1,000");
    expect(stepInWords(80, 5)).toBe("step 80, the first after 5");
    expect([stepInWords(80, 80), stepInWords(80, null)]).toEqual(["step 80", "step 80"]);
  });

  test("stands among the steps of all runs, each once", () => {
    expect(unionOfSteps([[0, 10, 20], [5, 10], []])).toEqual([0, 5, 10, 20]);
  });

  test("is the last unless one is chosen, and the first for one that is before all", () => {
    expect(positionOf([0, 18, 36], null)).toBe(2);
    expect(positionOf([0, 18, 36], 20)).toBe(1);
    expect(positionOf([5, 6], 1)).toBe(0);
  });
});

const FILE = { sha256: "a", size_bytes: 1, media_type: "image/png" };
const run = (id: string) => ({ id, name: id }) as ShownRun;

describe("what a card shows", () => {
  const logged = (step: number, isPending = false): LoggedRecord => ({
    step,
    time_unix_ms: 0,
    document: isPending ? { type: "image", pending: true } : { type: "image", file: FILE, width: 1, height: 1 },
  });
  const storeOf = (held: Record<string, Record<number, LoggedRecord>>, answered = Object.keys(held)) => ({
    steps: (series: RecordSeries) =>
      answered.includes(series.run) ? Object.keys(held[series.run] ?? {}).map(Number) : undefined,
    record: (series: RecordSeries, step: number) => held[series.run][step],
    error: (question: RecordQuestion) => (question.series.run === "bad" ? new Error("refused") : null),
  });
  const wanted = { project: "p", key: "k", kind: "image" as const, cellMax: 12, chosen: null };

  test("is of each run the record at or before the chosen step", () => {
    const store = storeOf({ a: { 0: logged(0), 20: logged(20) }, b: { 18: logged(18) }, c: {} });
    const { records } = lookUp(store, { ...wanted, runs: ["a", "b", "c"].map(run), chosen: 19 }, new Map());
    expect(records.steps).toEqual([0, 18, 20]);
    expect(records.step).toBe(18);
    expect(records.cells.map((cell) => [cell.run.id, cell.wanted, cell.shown?.step])).toEqual([
      ["a", 0, 0],
      ["b", 18, 18],
    ]);
    expect(records.isSettled).toBe(true);
  });

  test("is nothing of a run that has none so early", () => {
    const store = storeOf({ a: { 0: logged(0) }, b: { 18: logged(18) } });
    const { records } = lookUp(store, { ...wanted, runs: [run("a"), run("b")], chosen: 0 }, new Map());
    expect(records.cells[1]).toMatchObject({ wanted: null, shown: null });
  });

  test("is the record before while a new one is on its way or being encoded", () => {
    const before = new Map([["a", logged(0)]]);
    const store = storeOf({ a: { 0: logged(0), 5: logged(5, true) } });
    const latest = lookUp(store, { ...wanted, runs: [run("a")] }, before).records;
    expect(latest.cells[0].shown?.step).toBe(0);
    expect(latest.isSettled).toBe(false);
    const chosen = lookUp(store, { ...wanted, runs: [run("a")], chosen: 5 }, before).records;
    expect(chosen.cells[0].shown?.step).toBe(5);
  });

  test("asks more runs only until enough have the key, and says when one could not be asked", () => {
    const runs = Array.from({ length: 100 }, (_, at) => run(`r${at}`));
    const none: Record<number, LoggedRecord> = {};
    const all = Object.fromEntries(runs.map((one, at) => [one.id, at >= 30 ? { 0: logged(0) } : none]));
    const { questions, records } = lookUp(storeOf(all), { ...wanted, runs }, new Map());
    expect(questions.filter((question) => question.what === "steps")).toHaveLength(48);
    expect(records.cells.map((cell) => cell.run.id).slice(0, 2)).toEqual(["r30", "r31"]);
    expect(records.hasMore).toBe(true);
    const refused = lookUp(storeOf({}), { ...wanted, runs: [run("bad")] }, new Map()).records;
    expect(refused).toMatchObject({ isAnswered: true, error: { message: "refused" } });
  });
});

describe("media cards", () => {
  const metric = (name: string, kind: "number" | "image" | "table" | "string", hidden = false) => ({
    name,
    kind,
    hidden,
    step_metric: "",
    run_count: 3,
  });

  test("are one for each kind of records under a name, which say the other kinds", () => {
    const found = chartMetrics([
      metric("a/x", "number"),
      metric("a/x", "image"),
      metric("a/x", "table"),
      metric("a/s", "string"),
      metric("a/s", "image"),
      metric("b", "image", true),
    ]);
    expect(found.media).toEqual([
      { key: "a/x", kind: "image", runCount: 3, otherKinds: ["number", "table"] },
      { key: "a/x", kind: "table", runCount: 3, otherKinds: ["number", "image"] },
      { key: "a/s", kind: "image", runCount: 3, otherKinds: ["string"] },
    ]);
    expect(found.drawn.map((one) => one.key)).toEqual(["a/x"]);
    expect(found.undrawnCount).toBe(0);
  });

  test("stand in the sections their names give them, which may hold no chart", () => {
    const media = (key: string) => ({ key, kind: "image" as const, runCount: 1, otherKinds: [] });
    const sections = makeSections([{ key: "a/loss" }], "last", [
      media("b/y10"),
      media("b/y2"),
      media("a/x"),
      media("z"),
    ]);
    expect(sections.map(({ name, metrics, media: shown }) => [name, metrics, shown.map((one) => one.key)])).toEqual([
      ["a", [{ key: "a/loss" }], ["a/x"]],
      ["b", [], ["b/y2", "b/y10"]],
      ["Charts", [], ["z"]],
    ]);
  });
});

describe("masks and boxes", () => {
  const image: ImageDocument = {
    type: "image",
    file: FILE,
    width: 10,
    height: 10,
    class_names: { 0: "Background", 2: "cat" },
    masks: [{ name: "truth", file: { ...FILE, sha256: "m" } }],
    boxes: [
      {
        name: "found",
        boxes: [
          { x_min: 0, x_max: 1, y_min: 0, y_max: 1, pixels: false, class_id: 2, scores: { conf: 0.4, logit: -3 } },
          { x_min: 0, x_max: 1, y_min: 0, y_max: 1, pixels: false, class_id: 9, scores: { conf: null } },
        ],
      },
    ],
  };

  test("are switched by class within each set, with the names they have", () => {
    const sets = markSets([image], () => [2, 7]);
    expect(sets.map((set) => [set.kind, set.name, set.classes.map((one) => one.name)])).toEqual([
      ["mask", "truth", ["Background", "cat", "class 7"]],
      ["box", "found", ["cat", "class 9"]],
    ]);
  });

  test("show all classes but a mask's background until they are switched", () => {
    const background = markClass("mask", "truth", 0, image.class_names);
    const cat = markClass("mask", "truth", 2, image.class_names);
    expect([isShown(DEFAULT_MARKS, background), isShown(DEFAULT_MARKS, cat)]).toEqual([false, true]);
    expect(isShown({ switched: { [background.key]: true } }, background)).toBe(true);
    expect(isShown(DEFAULT_MARKS, markClass("mask", "truth", 0, undefined))).toBe(false);
    expect(isShown(DEFAULT_MARKS, markClass("mask", "truth", 0, { 0: "sky" }))).toBe(true);
    expect(isShown(DEFAULT_MARKS, markClass("box", "found", 0, undefined))).toBe(true);
  });

  test("with a score are shown from the least one asked; without it they are shown", () => {
    const [scored, unscored] = image.boxes![0].boxes;
    const marks = { ...DEFAULT_MARKS, scoreMin: { conf: 0.5 } };
    expect([reachesScores(marks, scored), reachesScores(marks, unscored)]).toEqual([false, true]);
    expect(reachesScores({ ...marks, scoreMin: { conf: 0.4 } }, scored)).toBe(true);
    expect(scoreRanges([image])).toEqual([
      { name: "conf", min: 0, max: 1 },
      { name: "logit", min: -3, max: 1 },
    ]);
  });
});

describe("histograms", () => {
  const grid = (over: Partial<Histograms> = {}): Histograms => ({
    key: "w",
    histogramCount: 2,
    columns: 2,
    bins: 2,
    firstSteps: [0, 10],
    lastSteps: [0, 10],
    edges: [0, 1, 2],
    nanCounts: [0, 0],
    infiniteCounts: [0, 0],
    counts: Float32Array.of(0, 4, 1, 0),
    ...over,
  });

  test("count values and what is none, in words", () => {
    const document = { type: "histogram" as const, edges: [0, 1, 3], counts: [2, 6], nan_count: 1, infinite_count: 2 };
    const bars = barsOf(document);
    expect(bars).toMatchObject({ most: 6, total: 8 });
    expect(countsInWords(bars, document)).toEqual(["8 values", "1 NaN", "2 infinite"]);
    // A bin twice as wide is a bar twice as wide; the highest fills the box.
    expect(barsPath(bars, 30, 60)).toBe("M0 60V40H10V60ZM10 60V0H30V60Z");
    expect(barsPath(barsOf({ ...document, counts: [0, 0] }), 30, 60)).toBe("");
  });

  test("have each value in one bin, the last edge in the last", () => {
    expect([0, 0.99, 1, 3, 3.1, -1].map((value) => binAt([0, 1, 3], value))).toEqual([0, 0, 1, 1, null, null]);
  });

  test("stand over the steps they reach", () => {
    expect(columnEdges(grid())).toEqual([0, 10, 20]);
    expect(columnEdges(grid({ columns: 1, firstSteps: [7], lastSteps: [7] }))).toEqual([7, 8]);
    expect(placeIn(grid(), 12, 0.5)).toEqual({ column: 1, bin: 0 });
    expect(placeIn(grid(), 25, 0.5)).toBeNull();
  });

  test("leave empty what is empty and show anything else, the least bin at the bottom", () => {
    const pixels = heatPixels(grid(), 2, 2, 100, false, scaleOf([grid()])!);
    expect([...pixels]).toEqual([100, 0, 0, 26]);
  });

  test("keep a thin spike where many columns share a pixel", () => {
    const columns = 100;
    const counts = new Float32Array(columns);
    counts[41] = 9;
    const steps = Array.from({ length: columns }, (_, at) => at);
    const all = grid({ columns, bins: 1, edges: [0, 1], firstSteps: steps, lastSteps: steps, counts });
    expect([...heatPixels(all, 10, 1, 50, false, scaleOf([all])!)]).toEqual([0, 0, 0, 0, 50, 0, 0, 0, 0, 0]);
  });

  test("of several runs share the values, the steps and the heights that hold them all", () => {
    const other = grid({
      firstSteps: [10, 30],
      lastSteps: [10, 30],
      edges: [0, 4, 8],
      counts: Float32Array.of(1, 1, 8, 0),
    });
    const scale = scaleOf([grid(), other, grid({ columns: 0, firstSteps: [], lastSteps: [] })])!;
    expect(scale).toEqual({ low: 0, high: 8, first: 0, last: 30, end: 50, most: 8, densest: 1 });
    expect(scaleOf([])).toBeNull();
    // Eight values in a bin of four are as dense as two in a bin of one.
    expect([...densitiesOf(other, 1)]).toEqual([0.25, 0]);
    // Five pixels of ten steps by eight of one value: nothing stands where a run has neither steps nor values.
    const pixels = heatPixels(grid(), 5, 8, 100, false, scale);
    const rows = Array.from({ length: 8 }, (_, y) => [...pixels.slice(y * 5, y * 5 + 5)]);
    expect(
      rows
        .slice(0, 6)
        .flat()
        .every((pixel) => pixel === 0),
    ).toBe(true);
    expect(rows.slice(6)).toEqual([
      [51, 0, 0, 0, 0],
      [0, 13, 0, 0, 0],
    ]);
  });

  test("are coloured in order, by the logarithm where that is asked", () => {
    expect(scaleShare(0, 100, true)).toBe(0);
    expect(scaleShare(100, 100, true)).toBe(1);
    expect(scaleShare(1, 1e6, true)).toBeGreaterThan(scaleShare(1, 1e6, false));
    for (const theme of ["light", "dark"] as const) {
      const weights = Array.from({ length: 21 }, (_, at) => {
        const [red, green, blue] = scaleColor(theme, at / 20);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      });
      const sign = theme === "light" ? -1 : 1;
      for (let at = 1; at < weights.length; at++) expect((weights[at] - weights[at - 1]) * sign).toBeGreaterThan(0);
    }
  });
});

test("a waveform keeps the loudest samples of each part, over all channels", () => {
  const left = Float32Array.of(0, 0.5, 0, 0, -1, 0);
  const right = Float32Array.of(0, 0, -0.25, 0, 0, 0);
  expect(outlineOf([left, right], 1, 2)).toEqual({
    durationSeconds: 1,
    lows: Float32Array.of(-0.25, -1),
    highs: Float32Array.of(0.5, 0),
  });
  expect(outlineOf([], 0).highs).toHaveLength(0);
});

test("sizes, types and shapes are written for people", () => {
  expect([1, 999, 1000, 1449, 99_500, 999_999, 12_345_678].map(formatBytes)).toEqual([
    "1 byte",
    "999 bytes",
    "1 kB",
    "1.4 kB",
    "100 kB",
    "1 MB",
    "12 MB",
  ]);
  expect(["<f4", "|u1", "|b1", "<c16", "<U7"].map(dtypeName)).toEqual([
    "float32",
    "uint8",
    "bool",
    "complex128",
    "<U7",
  ]);
  expect([formatShape([]), formatShape([3, 1024])]).toEqual(["one value", "3 × 1,024"]);
});

test("only a large image that is shown smaller is shown by a small picture, with room to grow", () => {
  const image = (size_bytes: number, width = 2000, media_type = "image/png") =>
    ({
      type: "image",
      width,
      height: 1000,
      file: { sha256: "", size_bytes, media_type },
    }) as ImageDocument;
  expect(smallWidth(image(2_000_000), 300, 1)).toBe(384);
  expect(smallWidth(image(2_000_000), 384, 2)).toBe(768);
  expect(smallWidth(image(2_000_000), 385, 1)).toBe(512);
  expect(smallWidth(image(900_000), 300, 1)).toBeNull();
  expect(smallWidth(image(2_000_000, 512), 500, 1)).toBeNull();
  expect(smallWidth(image(2_000_000), 0, 1)).toBeNull();
  expect(smallWidth(image(2_000_000, 2000, "image/gif"), 300, 1)).toBeNull();
});

describe("looking closely", () => {
  const look = (part: object) => ({ ...DEFAULT_LOOK, ...part });

  test("what is under the pointer stays there, and nothing beside the image comes into view", () => {
    const at = { x: 0.25, y: 0.9 };
    const closer = look(zoomed(DEFAULT_LOOK, 4, at));
    expect(imagePlace(closer, at).x).toBeCloseTo(0.25);
    expect(imagePlace(closer, at).y).toBeCloseTo(0.9);
    const corner = look(dragged(closer, 10, 10));
    expect(imagePlace(corner, { x: 0, y: 0 })).toEqual({ x: 0, y: 0 });
    expect(zoomed(corner, 0.01)).toEqual({ zoom: 1, x: 0.5, y: 0.5 });
    expect(zoomed(corner, 1e9).zoom).toBe(ZOOM_MAX);
  });

  test("what two fingers have touched lies under them, as far as the image goes", () => {
    const size = { width: 200, height: 100 };
    const at = (x: number, y: number) => ({ x, y });
    const place = (of: object, x: number, y: number) => imagePlace(look(of), { x: x / 200, y: y / 100 });
    const closer = pinched(DEFAULT_LOOK, [at(90, 50), at(110, 50)], [at(80, 60), at(160, 60)], size);
    expect(closer.zoom).toBeCloseTo(4);
    expect(place(closer, 80, 60)).toEqual({ x: expect.closeTo(0.45), y: expect.closeTo(0.5) });
    expect(place(closer, 160, 60)).toEqual({ x: expect.closeTo(0.55), y: expect.closeTo(0.5) });
    // Turned about and as far apart, they have moved it.
    const moved = pinched(look(closer), [at(80, 50), at(120, 50)], [at(110, 20), at(110, 60)], size);
    expect(moved.zoom).toBeCloseTo(4);
    expect(place(moved, 110, 40)).toEqual(place(closer, 100, 50));
    expect(pinched(look(closer), [at(0, 0), at(200, 100)], [at(99, 50), at(100, 50)], size)).toEqual({
      zoom: 1,
      x: 0.5,
      y: 0.5,
    });
    expect(pinched(DEFAULT_LOOK, [at(9, 9), at(9, 9)], [at(0, 0), at(200, 100)], size).zoom).toBe(ZOOM_MAX);
  });

  test("the whole image lies where its middle is that of the look", () => {
    const inner = innerPlace(look({ zoom: 2, x: 0.25, y: 0.5 }), 100, 50);
    expect(inner).toMatchObject({ width: 200, height: 100, style: { transform: "translate(0px, -25px)" } });
    expect(dragged(look({ zoom: 2 }), 0.2, -0.2)).toEqual({ zoom: 2, x: 0.4, y: 0.6 });
    expect([filterOf(DEFAULT_LOOK), filterOf(look({ contrast: 2 }))]).toEqual([undefined, "brightness(1) contrast(2)"]);
  });

  const pixels = (width: number, ...data: number[]): Pixels => ({
    width,
    height: data.length / 4 / width,
    data: new Uint8ClampedArray(data),
  });

  test("a difference is of each colour, and of images of one size only", () => {
    const [a, b] = [pixels(1, 10, 200, 3, 255, 0, 0, 0, 0), pixels(1, 30, 100, 3, 255, 255, 1, 0, 255)];
    expect([...differenceOf(a, b)!.data]).toEqual([20, 100, 0, 255, 255, 1, 0, 255]);
    expect(differenceOf(a, pixels(2, 0, 0, 0, 0, 0, 0, 0, 0))).toBeNull();
    expect(pixelInWords(a, 0, 0)).toBe("x 0, y 0: 10 200 3");
    expect(pixelInWords(a, 0, 1)).toBe("x 0, y 1: 0, opacity 0");
  });
});

describe("a spectrogram", () => {
  const rate = 8000;
  const tone = (hertz: number, seconds: number) =>
    Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hertz * at) / rate));
  const loudestRow = (found: ReturnType<typeof spectrogramOf>, column: number) => {
    const levels = found.levels.subarray(column * found.rows, (column + 1) * found.rows);
    return levels.indexOf(Math.max(...levels));
  };

  test("is loudest at the frequency of a tone, in every channel and at every time", () => {
    const [low, high] = [tone(500, 1), tone(3000, 1)];
    const both = new Float32Array(2 * rate);
    both.set(low);
    both.set(high, rate);
    const found = spectrogramOf([both], rate);
    expect(found).toMatchObject({ durationSeconds: 2, highestHertz: 4000 });
    const hertzAt = (column: number) => (loudestRow(found, column) / found.rows) * found.highestHertz;
    // Odd and even columns come of the two parts of one transform.
    for (const share of [0.1, 0.2, 0.3, 0.4]) {
      const column = Math.floor(share * found.columns);
      expect([hertzAt(column), hertzAt(column + 1)]).toEqual([500, 500]);
      expect(hertzAt(column + Math.floor(found.columns / 2))).toBe(3000);
    }
    expect(found.levels[Math.floor(0.1 * found.columns) * found.rows + Math.floor(0.75 * found.rows)]).toBe(0);
    // What only one channel has is seen, and what another has against it does not undo it.
    const against = low.map((sample) => -sample);
    expect(loudestRow(spectrogramOf([low, against], rate), 10)).toBe(loudestRow(spectrogramOf([low], rate), 10));
  });

  test("shows a click in a long sound, and silence as such", () => {
    const click = new Float32Array(rate * 120);
    click[rate * 60] = 1;
    const found = spectrogramOf([click], rate);
    const column = found.levels.indexOf(255) / found.rows;
    expect(Math.abs(column / found.columns - 0.5)).toBeLessThan(0.01);
    expect(spectrogramOf([new Float32Array(100)], rate).levels.every((level) => level === 0)).toBe(true);
    expect(spectrogramOf([], rate).columns).toBe(1);
  });
});

describe("videos", () => {
  const video = (duration: number, part: Partial<LinkedVideo> = {}) => {
    const one = {
      currentTime: 0,
      duration,
      ended: false,
      paused: true,
      playbackRate: 1,
      play: () => {
        one.paused = false;
        return Promise.resolve();
      },
      pause: () => {
        one.paused = true;
      },
      ...part,
    };
    return one;
  };

  test("that are linked do what one of them has done", () => {
    const [one, long, short] = [video(5, { currentTime: 3, playbackRate: 2 }), video(9), video(2)];
    const all = new Set([one, long, short]);
    followVideo(all, one, "play");
    expect([long.paused, long.currentTime]).toEqual([false, 3]);
    expect(short.paused).toBe(true); // it has no such time
    followVideo(all, one, "ratechange");
    expect([long.playbackRate, short.playbackRate]).toEqual([2, 2]);
    one.currentTime = 1;
    followVideo(all, one, "seeked");
    expect([long.currentTime, short.currentTime]).toEqual([1, 1]);
    followVideo(all, one, "pause");
    expect(long.paused).toBe(true);
  });

  test("of different lengths begin anew when the longest has ended", () => {
    const [long, short] = [video(9, { paused: false }), video(2, { ended: true, currentTime: 2 })];
    const all = new Set([long, short]);
    followVideo(all, short, "pause");
    followVideo(all, short, "ended");
    expect([long.paused, short.currentTime]).toEqual([false, 2]);
    long.ended = true;
    long.currentTime = 9;
    followVideo(all, long, "ended");
    expect([long.currentTime, short.currentTime, short.paused]).toEqual([0, 0, false]);
  });

  test("go by the frame, to its middle, and no further than they have some", () => {
    expect(frameTime(0, 4, 1, 2.5)).toBe(1.5 / 4);
    expect(frameTime(0.375, 4, 1, 2.5)).toBe(2.5 / 4);
    expect(frameTime(0.375, 4, -1, 2.5)).toBe(0.5 / 4);
    expect(frameTime(0, 4, -1, 2.5)).toBe(0.5 / 4);
    expect(frameTime(2.5, 4, 1, 2.5)).toBe(9.5 / 4);
  });
});
