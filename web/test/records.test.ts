import { describe, expect, test } from "vitest";
import {
  decodeHistograms,
  isFailed,
  isLarge,
  isList,
  isPending,
  isRecordDocument,
  isWhole,
  objectAddress,
  pageAddress,
  type RecordDocument,
  type RecordSeries,
  wholeOf,
} from "../src/api/records";
import { type RecordAnswer, type RecordQuestion, RecordStore } from "../src/data/records";

const FILE = { sha256: "ab", size_bytes: 3, media_type: "image/svg+xml", name: "a/b.svg" };
const IMAGE: RecordDocument = { type: "image", file: FILE, width: 2, height: 1 };

describe("documents", () => {
  const forms: [string, RecordDocument, (document: RecordDocument) => boolean][] = [
    ["pending", { type: "image", pending: true }, isPending],
    ["failed", { type: "image", error: "no pixels" }, isFailed],
    ["a list", { type: "image", records: [IMAGE] }, isList],
    ["large", { type: "image", document: FILE, count: 3 }, isLarge],
    ["whole", IMAGE, isWhole],
  ];

  test.each(forms)("are %s and nothing else", (_, document, isForm) => {
    const found = [isPending, isFailed, isList, isLarge, isWhole].filter((guard) => guard(document));
    expect(found).toEqual([isForm]);
  });

  test("are whole of their own kind only", () => {
    expect(wholeOf(IMAGE, "image")).toBe(IMAGE);
    expect(wholeOf(IMAGE, "video")).toBeNull();
    expect(wholeOf({ type: "image", pending: true }, "image")).toBeNull();
  });

  test("are told from other values of a summary", () => {
    expect(isRecordDocument(IMAGE)).toBe(true);
    for (const value of [null, 1, "image", [IMAGE], {}, { type: "number" }])
      expect(isRecordDocument(value)).toBe(false);
  });
});

test("addresses name objects by content and type, never by a person's file name", () => {
  expect(objectAddress(FILE)).toBe("/api/v1/objects/ab?type=image%2Fsvg%2Bxml");
  expect(pageAddress(FILE, false)).toBe("/api/v1/objects/ab/page");
  expect(pageAddress(FILE, true)).toBe("/api/v1/objects/ab/page?inject=true");
});

function histogramsAnswer(over: Record<string, unknown> = {}, counts = [1, 2, 3, 4, 5, 6]): ArrayBuffer {
  let header = JSON.stringify({
    key: "w",
    histogram_count: 2,
    columns: 2,
    bins: 3,
    first_steps: [0, 10],
    last_steps: [0, 10],
    edges: [0, 1, 2, 3],
    nan_counts: [0, 1],
    infinite_counts: [0, 0],
    ...over,
  });
  while (header.length % 8 !== 0) header += " ";
  const bytes = new Uint8Array(8 + header.length + counts.length * 4);
  bytes.set(new TextEncoder().encode("TKH1"));
  new DataView(bytes.buffer).setUint32(4, header.length, true);
  bytes.set(new TextEncoder().encode(header), 8);
  bytes.set(new Uint8Array(Float32Array.from(counts).buffer), 8 + header.length);
  return bytes.buffer;
}

describe("an answer of histograms", () => {
  test("is decoded to its grid", () => {
    const all = decodeHistograms(histogramsAnswer());
    expect(all).toMatchObject({ key: "w", histogramCount: 2, columns: 2, bins: 3, firstSteps: [0, 10] });
    expect(all.nanCounts).toEqual([0, 1]);
    expect([...all.counts]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("of no histogram is empty", () => {
    expect(decodeHistograms(histogramsAnswer({ columns: 0 }, [])).counts).toHaveLength(0);
  });

  test("that is cut off or of another kind is refused with what was seen", () => {
    const whole = histogramsAnswer();
    expect(() => decodeHistograms(whole.slice(0, 5))).toThrow("5 bytes");
    expect(() => decodeHistograms(whole.slice(0, 40))).toThrow("within its header");
    expect(() => decodeHistograms(whole.slice(0, -4))).toThrow("2 × 3");
    const other = whole.slice(0);
    new Uint8Array(other)[3] = 0x32;
    expect(() => decodeHistograms(other)).toThrow("'TKH2'");
  });
});

describe("the record store", () => {
  const series: RecordSeries = { project: "p", run: "r", key: "k", kind: "image" };
  const steps: RecordQuestion = { what: "steps", series };
  const record = (step: number): RecordQuestion => ({ what: "record", series, step });

  function makeStore() {
    const asked: RecordQuestion[] = [];
    const waiting: ((answer: RecordAnswer | Error) => void)[] = [];
    const timers: { at: number; task: () => void }[] = [];
    const around = {
      now: 0,
      isHidden: false,
    };
    const store = new RecordStore({
      ask: (question) =>
        new Promise((resolve, reject) => {
          asked.push(question);
          waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
        }),
      isHidden: () => around.isHidden,
      later: (task, milliseconds) => timers.push({ at: around.now + milliseconds, task }),
      now: () => around.now,
    });
    const answer = async (value: RecordAnswer | Error) => {
      waiting.shift()!(value);
      await Promise.resolve();
      await Promise.resolve();
    };
    const pass = (milliseconds: number) => {
      around.now += milliseconds;
      for (const timer of timers.splice(0)) {
        if (timer.at <= around.now) timer.task();
        else timers.push(timer);
      }
    };
    return { store, asked, answer, pass, around };
  }

  const logged = (step: number, document: RecordDocument = IMAGE) => ({ step, time_unix_ms: 0, document });

  test("asks a watched question once, and a finished run never again", async () => {
    const { store, asked, answer, pass } = makeStore();
    let changes = 0;
    store.watch(() => changes++).update([steps]);
    store.watch(() => changes++).update([steps]);
    await answer([0, 5]);
    expect(store.steps(series)).toEqual([0, 5]);
    expect(changes).toBe(2);
    pass(60_000);
    store.wake();
    expect(asked).toHaveLength(1);
  });

  test("tells who comes late that the answer is there", async () => {
    const { store, asked, answer } = makeStore();
    store.watch(() => {}).update([steps]);
    let changes = 0;
    // Looked before the answer came, and watches after it.
    const late = store.watch(() => changes++);
    await answer([0, 5]);
    late.update([steps]);
    expect(changes).toBe(1);
    late.update([steps]);
    expect(changes).toBe(1);
    expect(asked).toHaveLength(1);
  });

  test("asks steps again when the run has come further, at most once a second", async () => {
    const { store, asked, answer, pass } = makeStore();
    store.watch(() => {}).update([steps]);
    await answer([0]);
    for (let revision = 1; revision < 20; revision++) store.noteRevision("p", "r", revision);
    expect(asked).toHaveLength(1);
    pass(1000);
    expect(asked).toHaveLength(2);
    await answer([0, 1]);
    expect(store.steps(series)).toEqual([0, 1]);
    store.noteRevision("p", "other", 99);
    pass(5000);
    expect(asked).toHaveLength(2);
  });

  test("asks a record again while it is pending, and one that has another behind it no more", async () => {
    const { store, asked, answer, pass } = makeStore();
    let changes = 0;
    store.watch(() => changes++).update([steps, record(0)]);
    await answer([0, 5]);
    await answer(logged(0, { type: "image", records: [{ type: "image", pending: true }] }));
    store.noteRevision("p", "r", 1);
    pass(1000);
    expect(asked.slice(2)).toEqual([steps, record(0)]);
    await answer([0, 5]);
    await answer(logged(0));
    expect(changes).toBe(3);
    store.noteRevision("p", "r", 2);
    pass(1000);
    expect(asked.slice(4)).toEqual([steps]);
  });

  test("keeps the identity of an answer that says the same", async () => {
    const { store, answer, pass } = makeStore();
    store.watch(() => {}).update([record(5)]);
    await answer(logged(5));
    const before = store.record(series, 5);
    store.noteRevision("p", "r", 1);
    pass(1000);
    await answer(logged(5, { ...IMAGE }));
    expect(store.record(series, 5)).toBe(before);
  });

  test("asks histograms again only when there are more of them", async () => {
    const { store, asked, answer, pass } = makeStore();
    const grid: RecordQuestion = { what: "histograms", series, columns: 500, bins: 64 };
    store.watch(() => {}).update([steps, grid]);
    await answer([0, 10]);
    await answer(decodeHistograms(histogramsAnswer()));
    store.noteRevision("p", "r", 1);
    pass(1000);
    expect(asked.slice(2)).toEqual([steps]);
    await answer([0, 10, 20]);
    pass(1000);
    expect(asked.slice(3)).toEqual([grid]);
  });

  test("says what could not be answered, keeps what it had, and tries again when told", async () => {
    const { store, asked, answer, pass } = makeStore();
    store.watch(() => {}).update([steps]);
    await answer([0]);
    store.noteRevision("p", "r", 1);
    pass(1000);
    await answer(new Error("gone"));
    expect(store.error(steps)?.message).toBe("gone");
    expect(store.steps(series)).toEqual([0]);
    store.retry();
    expect(asked).toHaveLength(3);
    await answer([0, 1]);
    expect(store.error(steps)).toBeNull();
  });

  test("asks nothing while nobody looks or watches, and six questions at once", async () => {
    const { store, asked, answer, around } = makeStore();
    const watch = store.watch(() => {});
    around.isHidden = true;
    watch.update(Array.from({ length: 10 }, (_, step) => record(step)));
    expect(asked).toHaveLength(0);
    around.isHidden = false;
    store.wake();
    expect(asked).toHaveLength(6);
    watch.close();
    await answer(logged(0));
    expect(asked).toHaveLength(6);
  });
});
