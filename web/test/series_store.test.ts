import { beforeEach, describe, expect, test } from "vitest";
import type { Series } from "../src/api/series";
import { absoluteX, type SeriesQuestion } from "../src/data/question";
import { SeriesStore } from "../src/data/series_store";
import { pointSeries } from "./helpers";

const question = (run: string, over: Partial<SeriesQuestion> = {}): SeriesQuestion => ({
  project: "p",
  run,
  key: "loss",
  x: "step",
  buckets: 400,
  min: null,
  max: null,
  smoothing: null,
  ...over,
});

/** Surroundings in which time and frames pass when the test says so. */
class Scene {
  now = 0;
  isHidden = false;
  bodies: { series: { run: string; after_x?: number }[] }[] = [];
  answer: (run: string, after: number | undefined) => Series = (run) => pointSeries([0, 1], [1, 2], { run });
  failure: Error | null = null;
  private frames: (() => void)[] = [];
  private timers: { at: number; task: () => void }[] = [];

  readonly store = new SeriesStore({
    ask: async (body) => {
      const request = JSON.parse(body) as { series: { run: string; after_x?: number }[] };
      this.bodies.push(request);
      if (this.failure) throw this.failure;
      return request.series.map((one) => this.answer(one.run, one.after_x));
    },
    isHidden: () => this.isHidden,
    nextFrame: (task) => this.frames.push(task),
    later: (task, milliseconds) => this.timers.push({ at: this.now + milliseconds, task }),
    now: () => this.now,
  });

  /** Lets frames, timers due and answers come until nothing more happens. */
  async settle(milliseconds = 0): Promise<void> {
    this.now += milliseconds;
    for (let round = 0; round < 20; round++) {
      for (const timer of this.timers.filter((one) => one.at <= this.now)) {
        this.timers.splice(this.timers.indexOf(timer), 1);
        timer.task();
      }
      for (const frame of this.frames.splice(0)) frame();
      await Promise.resolve();
    }
  }
}

let scene: Scene;
let changes: number;
const watchRuns = (...runs: string[]) => {
  const watch = scene.store.watch(() => {
    changes++;
  });
  watch.update(runs.map((run) => question(run)));
  return watch;
};

beforeEach(() => {
  scene = new Scene();
  changes = 0;
});

describe("series store", () => {
  test("asks all questions of a frame in one request", async () => {
    watchRuns("a", "b");
    watchRuns("b", "c");
    await scene.settle();
    expect(scene.bodies.map((body) => body.series.map((one) => one.run))).toEqual([["a", "b", "c"]]);
    expect(scene.store.get(question("b"))?.count).toBe(2);
    expect(changes).toBe(2);
  });

  test("asks nothing again for runs that stay as they are", async () => {
    watchRuns("a");
    scene.store.noteRevision("p", "a", 3);
    await scene.settle();
    scene.store.noteRevision("p", "a", 3);
    await scene.settle(60_000);
    expect(scene.bodies).toHaveLength(1);
  });

  test("asks what was logged again only when something was logged, and what is measured at each change", async () => {
    const watch = scene.store.watch(() => {});
    watch.update([question("a"), question("a", { key: "_system/node/cpu" })]);
    await scene.settle();
    scene.store.noteRevision("p", "a", 7, 5);
    await scene.settle(1000);
    scene.store.noteRevision("p", "a", 8, 5);
    await scene.settle(1000);
    scene.store.noteRevision("p", "a", 9, 9);
    await scene.settle(1000);
    expect(scene.bodies.map((body) => body.series.length)).toEqual([2, 2, 1, 2]);
  });

  test("asks only the new part when a run goes on", async () => {
    watchRuns("a", "b");
    await scene.settle();
    scene.answer = (run, after) =>
      after === undefined
        ? pointSeries([0, 1], [1, 2], { run })
        : pointSeries([after + 1], [9], { run, isDelta: true, totalCount: 3 });
    scene.store.noteRevision("p", "a", 2);
    await scene.settle(1000);
    expect(scene.bodies.at(-1)?.series).toEqual([
      { project: "p", run: "a", key: "loss", after_x: 1, points_per_bucket: 1 },
    ]);
    expect([...scene.store.get(question("a"))!.columns.x]).toEqual([0, 1, 2]);
  });

  test("asks a group and an expression anew when any of their runs goes on, and never for a part", async () => {
    const group = { runIds: ["a", "b"], aggregate: "mean" as const, band: "range" as const };
    scene.store.watch(() => undefined).update([question("g", { group }), question("a", { isExpression: true })]);
    await scene.settle();
    scene.store.noteRevision("p", "b", 2);
    await scene.settle(1000);
    expect(scene.bodies.at(-1)?.series).toEqual([
      { project: "p", group: { id: "g", runs: ["a", "b"], aggregate: "mean", band: "range" }, key: "loss" },
    ]);
    scene.store.noteRevision("p", "a", 2);
    await scene.settle(1000);
    expect(scene.bodies.at(-1)?.series).toHaveLength(2);
    expect(scene.bodies.at(-1)?.series.every((one) => one.after_x === undefined)).toBe(true);
    scene.store.noteRevision("p", "c", 2);
    await scene.settle(1000);
    expect(scene.bodies).toHaveLength(3);
  });

  test("asks for new parts at most twice a second", async () => {
    watchRuns("a");
    await scene.settle();
    for (let tick = 1; tick <= 40; tick++) {
      scene.store.noteRevision("p", "a", tick);
      await scene.settle(50);
    }
    expect(scene.bodies.length).toBeGreaterThanOrEqual(4);
    expect(scene.bodies.length).toBeLessThanOrEqual(6);
  });

  test("asks nothing while the page is hidden, and all that is due when it is shown", async () => {
    scene.isHidden = true;
    watchRuns("a");
    await scene.settle(1000);
    expect(scene.bodies).toHaveLength(0);
    scene.isHidden = false;
    scene.store.wake();
    await scene.settle();
    expect(scene.bodies).toHaveLength(1);
  });

  test("asks nothing for charts that are gone", async () => {
    const watch = watchRuns("a");
    await scene.settle();
    watch.close();
    scene.store.noteRevision("p", "a", 5);
    await scene.settle(1000);
    expect(scene.bodies).toHaveLength(1);
  });

  test("asks the whole when the new part does not fit", async () => {
    watchRuns("a");
    await scene.settle();
    scene.answer = (run, after) =>
      after === undefined
        ? pointSeries([0, 1, 2, 3], [1, 2, 3, 4], { run })
        : pointSeries([3], [4], { run, isDelta: true, totalCount: 4 });
    scene.store.noteRevision("p", "a", 2);
    await scene.settle(1000);
    expect(scene.store.get(question("a"))?.count).toBe(4);
  });

  test("keeps what it holds when the daemon is gone, and asks again on request", async () => {
    watchRuns("a");
    await scene.settle();
    scene.failure = new Error("gone");
    scene.store.noteRevision("p", "a", 2);
    await scene.settle(1000);
    expect(scene.store.get(question("a"))?.count).toBe(2);
    expect(scene.store.error(question("a"))?.message).toBe("gone");
    const asked = scene.bodies.length;
    await scene.settle(10_000);
    expect(scene.bodies).toHaveLength(asked);
    scene.failure = null;
    scene.store.retry();
    await scene.settle(1000);
    expect(scene.store.error(question("a"))).toBeNull();
  });

  test("writes steps past 2^53 with all their digits", () => {
    expect(absoluteX("9223372036854775800", 7)).toBe("9223372036854775807");
    expect(absoluteX("0", 1.5)).toBe("1.5");
    expect(absoluteX("1700000000", 0.25)).toBe("1700000000.25");
  });
});

describe("very many series", () => {
  test("are asked two requests at a time, and not at all once nobody looks any more", async () => {
    const answers: (() => void)[] = [];
    const bodies: string[][] = [];
    let frame = () => {};
    const store = new SeriesStore({
      ask: (body) => {
        const runs = (JSON.parse(body) as { series: { run: string }[] }).series.map((one) => one.run);
        bodies.push(runs);
        return new Promise((resolve) => {
          answers.push(() => resolve(runs.map((run) => pointSeries([0], [1], { run }))));
        });
      },
      isHidden: () => false,
      nextFrame: (task) => {
        frame = task;
      },
      later: () => {},
      now: () => 0,
    });
    const ids = (from: number, count: number) => Array.from({ length: count }, (_, index) => `r${from + index}`);
    const first = store.watch(() => {});
    first.update(ids(0, 1000).map((run) => question(run)));
    const second = store.watch(() => {});
    second.update(ids(1000, 1000).map((run) => question(run)));
    frame();
    const settle = async () => {
      for (let round = 0; round < 20; round++) await Promise.resolve();
    };
    await settle();
    expect(bodies.map((runs) => runs[0])).toEqual(["r0", "r500"]);
    answers[0]();
    await settle();
    expect(bodies.map((runs) => runs[0])).toEqual(["r0", "r500", "r1000"]);
    second.close();
    answers[1]();
    answers[2]();
    await settle();
    expect(bodies).toHaveLength(3);
    expect(store.get(question("r999"))).not.toBeNull();
    expect(store.get(question("r1999"))).toBeNull();
  });
});
