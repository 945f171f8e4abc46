import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ValueError } from "../src/errors.js";
import { ConsoleStream, type Record as RecordMessage, RecordSchema } from "../src/generated/trackd/v1/records_pb.js";
import { Outbox, type Sendable } from "../src/outbox.js";
import { addRow } from "../src/rows.js";
import { Histogram } from "trackd";

type Options = { step?: bigint; commit?: boolean };
type Row = { step: bigint | undefined; commit: boolean | undefined; values: Record<string, unknown>; time: bigint };

/** An outbox with what it warns of, filled as `Run.log` fills it. */
class Fixture {
  readonly warnings: string[] = [];
  itemCount = 0;
  readonly outbox: Outbox;
  time = 1e15;

  constructor(bytesMax = 2 ** 28) {
    this.outbox = new Outbox(bytesMax, (sentence) => this.warnings.push(sentence), () => this.itemCount++); // prettier-ignore
  }

  log(data: Record<string, unknown>, { step, commit }: Options = {}): void {
    this.time += 1;
    if (commit === undefined && this.outbox.addAlike(data, step, this.time)) return;
    addRow(this.outbox, data, step, commit, this.time);
  }

  all(): Sendable[] {
    const sendables: Sendable[] = [];
    while (!this.outbox.isEmpty) sendables.push(...this.outbox.cut());
    return sendables;
  }
}

/** Returns the rows of records, one by one. */
function rowsOf(records: readonly RecordMessage[]): Row[] {
  return records.flatMap(({ kind, timeUnixNanos }): Row[] => {
    if (kind.case === "row") {
      const values = Object.fromEntries(kind.value.values.map(({ key, value }) => [key, value?.kind.value]));
      return [{ step: kind.value.step, commit: kind.value.commit, values, time: timeUnixNanos }];
    }
    assert.ok(kind.case === "rowColumns");
    const { steps, timesUnixNanos, columns, commit } = kind.value;
    const lists = columns.map(({ key, values }): [string, readonly unknown[]] => {
      if (values.case === "doubles") return [key, [...new Float64Array(values.value.slice().buffer)]];
      if (values.case === "ints") return [key, [...new BigInt64Array(values.value.slice().buffer)]];
      return [key, values.value?.values ?? []];
    });
    return timesUnixNanos.map((time, index) => ({
      step: steps[index],
      commit,
      values: Object.fromEntries(lists.map(([key, list]) => [key, list[index]])),
      time,
    }));
  });
}

suite("coalescing", () => {
  test("alike rows become one record, a single one a Row", () => {
    const fixture = new Fixture();
    for (let n = 0; n < 100; n++) fixture.log({ loss: n / 2, n: BigInt(n), ok: n % 2 === 0, phase: "train" });
    fixture.log({ loss: 1 });
    fixture.log({ loss: 1n });
    fixture.log({ loss: 2 }, { step: 5n });
    fixture.log({ loss: 3 }, { step: 7n });
    fixture.log({ loss: 4 }, { step: 8n, commit: true });
    fixture.log({ loss: [1] });
    const sendables = fixture.all();
    const kinds = sendables.map(({ record }) => record.kind.case);
    assert.deepEqual(kinds, ["rowColumns", "row", "row", "rowColumns", "row", "row"]);
    assert.deepEqual(sendables.map(({ callCount }) => callCount), [100, 1, 1, 2, 1, 1]); // prettier-ignore
    assert.equal(fixture.itemCount, 6);
    const rows = rowsOf(sendables.map(({ record }) => record));
    assert.deepEqual(rows[99]!.values, { loss: 49.5, n: 99n, ok: false, phase: "train" });
    assert.deepEqual(rows.slice(100).map(({ step, commit }) => [step, commit]), [
      [undefined, undefined],
      [undefined, undefined],
      [5n, undefined],
      [7n, undefined],
      [8n, true],
      [undefined, undefined],
    ]); // prettier-ignore
  });

  test("JSON does not join a column of texts", () => {
    const fixture = new Fixture();
    fixture.log({ a: "x" });
    fixture.log({ a: [1] });
    fixture.log({ a: "y" });
    assert.deepEqual(
      fixture.all().map(({ record }) => record.kind.case),
      ["row", "row", "row"],
    );
  });

  test("the rows that come out are those that went in, in their order", () => {
    const value = fc.oneof(
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.boolean(),
      fc.string({ unit: "grapheme" }),
    );
    const data = fc.dictionary(fc.constantFrom("a", "b", "c"), value, { minKeys: 1, noNullPrototype: true });
    const row = fc.record({ data, step: fc.option(fc.bigInt(0n, 9n), { nil: undefined }), commit: fc.constantFrom(undefined, undefined, undefined, true, false), cut: fc.nat(9) }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        const fixture = new Fixture();
        const sent: Sendable[] = [];
        for (const { data, step, commit, cut } of rows) {
          fixture.log(data, {
            ...(step === undefined ? {} : { step }),
            ...(commit === undefined ? {} : { commit }),
          });
          if (cut === 0) sent.push(...fixture.outbox.cut());
        }
        sent.push(...fixture.all());
        const expected = rows.map(({ data, step, commit }) => ({ step, commit, values: data }));
        assert.deepEqual(
          rowsOf(sent.map(({ record }) => record)).map(({ step, commit, values }) => ({ step, commit, values })),
          expected,
        );
        const count = sent.reduce((sum, { callCount }) => sum + callCount, 0);
        assert.equal(count, rows.length);
        sent.forEach((each) => fixture.outbox.settle(each));
        assert.deepEqual([fixture.outbox.settledCount, fixture.outbox.pendingBytes], [rows.length, 0]);
      }),
    );
  });

  test("times are kept, a row each", () => {
    const fixture = new Fixture();
    fixture.log({ n: 1 });
    fixture.log({ n: 2 });
    fixture.log({ n: 3, _timestamp: 1.5, _step: 9 });
    const times = rowsOf(fixture.all().map(({ record }) => record)).map(({ time }) => time);
    assert.deepEqual(times, [1_000_000_000_000_001_000n, 1_000_000_000_000_002_000n, 1_500_000_000n]);
  });
});

suite("batches", () => {
  test("of about 1 MiB, whatever is logged", () => {
    const fixture = new Fixture();
    for (let n = 0; n < 200_000; n++) fixture.log({ n, half: n / 2 });
    for (let n = 0; n < 20; n++) fixture.log({ text: "x".repeat(2 ** 18), n });
    for (let n = 0; n < 2000; n++) fixture.log({ list: [n, "y".repeat(1000)] });
    let rowCount = 0;
    while (!fixture.outbox.isEmpty) {
      const batch = fixture.outbox.cut();
      const bytes = batch.reduce((sum, { record }) => sum + toBinary(RecordSchema, record).length, 0);
      assert.ok(bytes < 1.2 * 2 ** 20, `${bytes} bytes`);
      rowCount += batch.reduce((sum, { callCount }) => sum + callCount, 0);
    }
    assert.equal(rowCount, 202_020);
  });

  test("a row that no message can hold is parted, and the step moves once", () => {
    const fixture = new Fixture();
    const large = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`text${n}`, "x".repeat(2 ** 20 - 100)]));
    fixture.log({ ...large, histogram: new Histogram([1]) });
    fixture.log({ ...large, histogram: new Histogram([1]) }, { step: 3n, commit: true });
    const rows = rowsOf(
      fixture.all().map(({ record }) => {
        assert.ok(toBinary(RecordSchema, record).length < 4 * 2 ** 20);
        return record;
      }),
    );
    const half = rows.length / 2;
    assert.deepEqual(
      rows.map(({ step, commit }) => [step, commit]),
      [
        ...Array<unknown>(half - 1).fill([undefined, false]),
        [undefined, undefined],
        ...Array<unknown>(half - 1).fill([3n, undefined]),
        [3n, true],
      ],
    );
    assert.equal(rows.flatMap(({ values }) => Object.keys(values)).length, 14);
  });

  test("many small payloads stay in the message, and what does not fit goes apart", () => {
    const fixture = new Fixture();
    fixture.log({ list: Array.from({ length: 100 }, () => new Histogram(new Float64Array(2 ** 14))) });
    const [sendable] = fixture.all();
    assert.equal(sendable!.objects.length, 92);
    assert.ok(toBinary(RecordSchema, sendable!.record).length < 2 * 2 ** 20);
  });

  test("lines of the console that follow each other are one record", () => {
    const { outbox } = new Fixture();
    outbox.addLines(ConsoleStream.STDOUT, 0, ["a", "b"], 1n);
    outbox.addLines(ConsoleStream.STDOUT, 2, ["c"], 2n);
    outbox.addLines(ConsoleStream.STDERR, 3, ["d"], 3n);
    outbox.addLines(ConsoleStream.STDERR, 3, ["D"], 4n);
    const sendables = outbox.cut();
    assert.deepEqual(
      sendables.map(({ record: { kind }, callCount }) => kind.case === "consoleLines" && [kind.value.lines, callCount]),
      [
        [["a", "b", "c"], 2],
        [["d"], 1],
        [["D"], 1],
      ],
    );
  });
});

suite("bounds", () => {
  test("what does not fit is dropped and counted, and told when it begins and ends", () => {
    const fixture = new Fixture(20_000);
    for (let n = 0; n < 10_000; n++) fixture.log({ n });
    const { outbox } = fixture;
    assert.ok(outbox.pendingBytes <= 21_000);
    assert.equal(outbox.keptCount + outbox.droppedCount, 10_000);
    assert.ok(outbox.droppedCount > 8_000);
    assert.equal(fixture.warnings.length, 1);
    const dropped = outbox.droppedCount;
    fixture.all().forEach((each) => outbox.settle(each));
    fixture.log({ n: 1 });
    fixture.log({ n: 2 });
    assert.equal(fixture.warnings.length, 2);
    assert.ok(fixture.warnings[1]!.startsWith(`${dropped} records were dropped`));
    assert.equal(outbox.droppedCount, dropped);
  });

  test("what is sent and not acknowledged counts", () => {
    const fixture = new Fixture(3000);
    for (let n = 0; n < 100; n++) fixture.log({ n, list: [n] });
    const kept = fixture.outbox.keptCount;
    const batch = fixture.outbox.cut();
    fixture.log({ n: 1, list: [1] });
    assert.equal(fixture.outbox.keptCount, kept);
    batch.forEach((each) => fixture.outbox.settle(each));
    fixture.log({ n: 1, list: [1] });
    assert.equal(fixture.outbox.keptCount, kept + 1);
  });

  test("a large record counts with its bytes", () => {
    const fixture = new Fixture(2 ** 20);
    fixture.log({ h: new Histogram(new Float64Array(2 ** 17)) });
    assert.deepEqual([fixture.outbox.keptCount, fixture.outbox.droppedCount], [0, 1]);
  });

  test("closed: all that waits and all that comes is dropped", () => {
    const fixture = new Fixture();
    for (let n = 0; n < 10; n++) fixture.log({ n });
    fixture.outbox.close();
    fixture.log({ n: 1 });
    const { isEmpty, droppedCount, keptCount, settledCount } = fixture.outbox;
    assert.deepEqual([isEmpty, droppedCount, keptCount - settledCount], [true, 11, 0]);
  });
});

suite("rows", () => {
  test("what cannot be is named, and the rest is kept", () => {
    const fixture = new Fixture();
    const data = { "": 1, ok: 2, bad: undefined, nested: { deep: () => 1, fine: 3 }, big: 2n ** 63n };
    assert.throws(() => fixture.log(data), (error) => error instanceof ValueError && /key is empty/.test(error.message)); // prettier-ignore
    assert.throws(() => fixture.log({ bad: undefined }), /value of "bad" is undefined/);
    assert.throws(() => addRow(undefined, { bad: Symbol("s") }, undefined, undefined, 0), /bad/);
    fixture.log({});
    const rows = rowsOf(fixture.all().map(({ record }) => record));
    assert.deepEqual(rows.map(({ values }) => values), [{ ok: 2, "nested.fine": 3 }, {}]); // prettier-ignore
  });
});
