/** Tests the retry table of docs/protocol.md, line by line, against a daemon in this process. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { suite, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { RefusedError, type Run, TimeoutError, init } from "trackd";
import { environment, writerBegin } from "../src/begin.js";
import { Outbox } from "../src/outbox.js";
import { addRow } from "../src/rows.js";
import { Sender } from "../src/sender.js";
import { readSettings } from "../src/settings.js";
import { FakeDaemon, type Fault, type Method, daemonError, until } from "./fake_daemon.js";

const CALL_SECONDS = 0.3;

/** A sender with short deadlines, and what it warns of. */
class Fixture {
  readonly warnings: string[] = [];
  readonly outbox: Outbox;
  readonly sender: Sender;

  constructor(daemon: FakeDaemon, options: Parameters<typeof readSettings>[0] = {}, lifeSeconds?: number) {
    const settings = readSettings(
      { project: "p", id: "r", store: daemon.store, startDaemon: false, quiet: true, ...options },
      { TRACKD_CAPTURES: "none" },
    );
    assert.equal(environment(settings, 0n), undefined);
    const warn = (sentence: string): void => void this.warnings.push(sentence);
    this.outbox = new Outbox(settings.bufferBytesMax, warn, () => this.sender.nudge());
    const begin = writerBegin(settings);
    const tell = (): void => undefined;
    this.sender = new Sender({
      settings,
      outbox: this.outbox,
      begin,
      warn,
      tell,
      callSeconds: CALL_SECONDS,
      ...(lifeSeconds === undefined ? {} : { lifeSeconds }),
    });
  }

  /** Adds a row that does not join others. */
  log(n: number): void {
    addRow(this.outbox, { n, list: [n] }, undefined, undefined, 1e15);
  }

  finish(exitCode = 0, seconds = 10): Promise<void> {
    return this.sender.finish(exitCode, seconds, undefined);
  }
}

/** Returns the numbers of the rows that a daemon has. */
function numbers(daemon: FakeDaemon): number[] {
  return daemon.records.map(({ kind }) => {
    assert.equal(kind.case, "row");
    return kind.value.values[0]?.value?.kind.value as number;
  });
}

test("a silent run appends empty batches as signs of life, and goes on as if it had not", async () => {
  await using daemon = await new FakeDaemon().start();
  daemon.faults.Append = [daemonError(Code.InvalidArgument, "INVALID_ARGUMENT"), daemonError(Code.Unavailable)];
  const fixture = new Fixture(daemon, {}, 0.02);
  await until(() => daemon.count("Append") >= 4);
  fixture.log(1);
  await fixture.finish();
  assert.deepEqual(numbers(daemon), [1]);
  assert.deepEqual(fixture.warnings, []);
});

suite("retry table", () => {
  const again: [string, Method, () => Fault][] = [
    ["UNAVAILABLE", "Append", () => daemonError(Code.Unavailable, "STORAGE_UNAVAILABLE")],
    ["UNAVAILABLE", "CreateRun", () => daemonError(Code.Unavailable, "STOPPING")],
    ["UNAVAILABLE", "FinishRun", () => daemonError(Code.Unavailable)],
    ["UNAVAILABLE", "GetDaemon", () => daemonError(Code.Unavailable)],
    ["DEADLINE_EXCEEDED", "Append", () => daemonError(Code.DeadlineExceeded)],
    ["ABORTED", "Append", () => daemonError(Code.Aborted)],
    ["CANCELLED", "Append", () => daemonError(Code.Canceled)],
    ["UNAUTHENTICATED", "Append", () => daemonError(Code.Unauthenticated, "UNAUTHENTICATED")],
    ["INTERNAL", "Append", () => daemonError(Code.Internal, "INTERNAL")],
    ["UNIMPLEMENTED", "CreateRun", () => daemonError(Code.Unimplemented)],
    ["an answer that is lost", "CreateRun", () => "lose"],
    ["an answer that is lost", "Append", () => "lose"],
    ["an answer that is lost", "FinishRun", () => "lose"],
    ["no answer within the deadline", "CreateRun", () => "hang"],
    ["no answer within the deadline", "Append", () => "hang"],
    ["no answer within the deadline", "FinishRun", () => "hang"],
  ];
  for (const [what, method, fault] of again) {
    test(`${what}: ${method} is called again, and nothing is lost or doubled`, async () => {
      await using daemon = await new FakeDaemon().start();
      daemon.faults[method] = [fault()];
      const fixture = new Fixture(daemon);
      [1, 2, 3].forEach((n) => fixture.log(n));
      await fixture.finish(3);
      assert.deepEqual(numbers(daemon), [1, 2, 3]);
      assert.equal(daemon.exitCode, 3);
      assert.ok(daemon.count(method) >= 2);
      assert.deepEqual(fixture.warnings, []);
    });
  }

  test("OUT_OF_RANGE SEQUENCE_GAP: goes on from acknowledged_sequence of the metadata", async () => {
    await using daemon = await new FakeDaemon().start();
    const fixture = new Fixture(daemon);
    fixture.log(1);
    fixture.log(2);
    await fixture.sender.flush(10, undefined);
    daemon.records.length = 0; // a daemon that has forgotten them
    fixture.log(3);
    await fixture.finish();
    assert.deepEqual(numbers(daemon), [3]);
    assert.deepEqual(daemon.firstSequences, [1n, 3n, 1n]);
    assert.match(fixture.warnings.join(), /lost 2 records/);
  });

  test("OUT_OF_RANGE SEQUENCE_GAP beyond what was known: records that are there are not sent again", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.Append = ["lose", daemonError(Code.OutOfRange, "SEQUENCE_GAP", { acknowledged_sequence: "2" })];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    fixture.log(2);
    await fixture.finish();
    assert.deepEqual(numbers(daemon), [1, 2]);
    assert.equal(daemon.count("Append"), 2);
  });

  test("FAILED_PRECONDITION WRITER_NOT_FOUND: CreateRun with the same writer, then again", async () => {
    await using daemon = await new FakeDaemon().start();
    const missing = (): Fault => daemonError(Code.FailedPrecondition, "WRITER_NOT_FOUND");
    daemon.faults.Append = [missing()];
    daemon.faults.FinishRun = [missing()];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await fixture.finish();
    assert.equal(daemon.count("CreateRun"), 3);
    assert.deepEqual(numbers(daemon), [1]);
    assert.equal(daemon.exitCode, 0);
  });

  for (const code of [Code.InvalidArgument, Code.ResourceExhausted, Code.NotFound]) {
    test(`${Code[code]} of a batch: one by one, and only the refused ones are dropped`, async () => {
      await using daemon = await new FakeDaemon().start();
      daemon.faults.Append = [daemonError(code)];
      daemon.refuses = ({ kind }) => kind.case === "row" && kind.value.values[0]?.value?.kind.value === 2;
      const fixture = new Fixture(daemon);
      [1, 2, 3].forEach((n) => fixture.log(n));
      await fixture.finish();
      assert.deepEqual(numbers(daemon), [1, 3]);
      assert.deepEqual(daemon.firstSequences, [1n, 2n, 2n]); // no gap
      assert.equal(fixture.warnings.length, 1);
      assert.match(fixture.warnings[0]!, /refuses a record of run r.*the daemon says/);
    });
  }

  test("INTERNAL twice: the record is dropped", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.Append = [daemonError(Code.Internal), daemonError(Code.Internal)];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await fixture.finish();
    assert.equal(daemon.count("Append"), 2);
    assert.deepEqual(numbers(daemon), []);
    assert.equal(fixture.warnings.length, 1);
  });

  test("INVALID_ARGUMENT of CreateRun: warns once, drops all, and finish says so", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.CreateRun = [daemonError(Code.InvalidArgument)];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await assert.rejects(fixture.sender.flush(10, undefined), RefusedError);
    fixture.log(2);
    await assert.rejects(fixture.finish(), (error: Error) => {
      return error instanceof RefusedError && /cannot be tracked.*2 records were dropped/.test(error.message);
    });
    assert.equal(fixture.warnings.length, 1);
    assert.equal(daemon.count("Append"), 0);
  });

  test("an unknown protocol version: warns once and stops", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.protocolVersion = 2;
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await assert.rejects(fixture.finish(), /speaks protocol 2 and this client 1/);
    assert.equal(fixture.warnings.length, 1);
    assert.deepEqual(daemon.calls, ["GetDaemon"]);
  });

  test("a token that has changed is read anew", async () => {
    await using daemon = await new FakeDaemon().start();
    const { port } = new URL(`http://${endpointOf(daemon)}`);
    daemon.token = "new";
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await until(() => daemon.count("GetDaemon") > 0);
    daemon.writeEndpoint(`127.0.0.1:${port}`);
    await fixture.finish();
    assert.deepEqual(numbers(daemon), [1]);
  });

  test("an answer that covers a part of the batch: the rest is sent again", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.takesAtMost = 2;
    const fixture = new Fixture(daemon);
    [1, 2, 3, 4, 5].forEach((n) => fixture.log(n));
    await fixture.finish();
    assert.deepEqual(numbers(daemon), [1, 2, 3, 4, 5]);
    assert.deepEqual(daemon.firstSequences, [1n, 3n, 5n]);
  });

  test("a connection that breaks, and a daemon that comes back at another address: all arrives", async () => {
    await using daemon = await new FakeDaemon().start();
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await fixture.sender.flush(10, undefined);
    await daemon.stop();
    fixture.log(2);
    await daemon.start(true);
    await fixture.finish();
    assert.deepEqual(numbers(daemon), [1, 2]);
  });

  test("a refused large object: its record is dropped, the others are kept", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.PutObject = [daemonError(Code.ResourceExhausted), daemonError(Code.ResourceExhausted)];
    const run = open(daemon);
    const { Image } = await import("trackd");
    run.log({ n: 1, picture: new Image(new Uint8Array(2 ** 21), { shape: [1024, 2048] }) });
    run.log({ n: 2, list: [] });
    await run.finish();
    assert.deepEqual(numbers(daemon), [2]);
  });
});

suite("waiting", () => {
  test("finish is bounded, says how much is missing, and leaves nothing", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.Append = ["hang", "hang", "hang", "hang"];
    const fixture = new Fixture(daemon);
    [1, 2].forEach((n) => fixture.log(n));
    const begin = performance.now();
    await assert.rejects(fixture.finish(0, 0.5), (error: Error) => {
      return error instanceof TimeoutError && error.message.startsWith("2 of 2 records of run r");
    });
    assert.ok(performance.now() - begin < 5000);
    await until(() => daemon.connectionCount === 0, "no connection");
  });

  test("flush is bounded, and what it waited for is sent on", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.Append = ["hang"];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await assert.rejects(fixture.sender.flush(0.1, undefined), TimeoutError);
    await fixture.sender.flush(10, undefined);
    assert.deepEqual(numbers(daemon), [1]);
    await fixture.finish();
  });

  test("a signal ends a wait with its reason", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.Append = ["hang"];
    const fixture = new Fixture(daemon);
    fixture.log(1);
    const reason = new Error("enough");
    await assert.rejects(fixture.sender.flush(10, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const waiting = fixture.sender.finish(0, 10, controller.signal);
    controller.abort(reason);
    await assert.rejects(waiting, reason);
  });

  test("without a daemon: warns once, and once when it is back", { timeout: 30_000 }, async () => {
    await using daemon = new FakeDaemon();
    const fixture = new Fixture(daemon);
    fixture.log(1);
    await assert.rejects(fixture.sender.flush(6.5, undefined), TimeoutError);
    assert.equal(fixture.warnings.length, 1);
    assert.match(fixture.warnings[0]!, /no daemon has taken anything of run r for \d+ seconds/);
    await daemon.start();
    await fixture.finish();
    assert.equal(fixture.warnings.length, 2);
    assert.match(fixture.warnings[1]!, /is back/);
    assert.deepEqual(numbers(daemon), [1]);
  });
});

suite("what is sent", () => {
  test("the writer says who it is, without arguments", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = init({ ...options(daemon), name: "first", tags: ["a", "a", "b"], label: "rank 3", mode: "shared" });
    await run.finish();
    const { begin } = daemon;
    assert.match(begin!.writerId, /^[0-9a-f]{32}$/);
    assert.equal(begin!.role, 2);
    assert.equal(begin!.start?.name, "first");
    assert.deepEqual(begin!.start?.tags?.tags, ["a", "b"]);
    assert.equal(begin!.label, "rank 3");
    assert.equal(begin!.client, "typescript 0.1.0");
    assert.equal(begin!.process?.pid, BigInt(process.pid));
    assert.deepEqual(begin!.process?.arguments, []);
  });

  test("the environment is first, then the config, then the rows, over a Unix socket", async () => {
    await using daemon = await new FakeDaemon().start(true);
    const run = init({ ...options(daemon), config: { lr: 1, deep: { a: [1, 2.5] } } });
    for (let n = 0; n < 1000; n++) run.log({ n: BigInt(n), half: n / 2 });
    await run.flush();
    assert.equal(run.url, `http://127.0.0.1:1/p/p/r/${run.id}`);
    await run.finish();
    const kinds = daemon.records.map(({ kind }) => kind.case);
    assert.deepEqual(kinds, ["environment", "configUpdate", "rowColumns"]);
    const [, config, rows] = daemon.records;
    assert.ok(config?.kind.case === "configUpdate" && rows?.kind.case === "rowColumns");
    assert.deepEqual(
      config.kind.value.set.map(({ key, value }) => [key, value?.kind.case, value?.kind.value]),
      [
        ["lr", "intValue", 1n],
        ["deep", "jsonValue", '{"a":[1,2.5]}'],
      ],
    );
    assert.equal(rows.kind.value.timesUnixNanos.length, 1000);
  });

  test("a large payload goes ahead as an object, a small one in the record", async () => {
    await using daemon = await new FakeDaemon().start();
    const { Histogram } = await import("trackd");
    const run = open(daemon);
    run.log({ large: new Histogram(new Float64Array(2 ** 18)), small: new Histogram([1, 2]) });
    await run.finish();
    const record = daemon.records.at(-1)!;
    assert.ok(record.kind.case === "row");
    const [large, small] = record.kind.value.values.map(({ value }) => {
      const typed = value?.kind.case === "recordValue" ? value.kind.value : undefined;
      return typed?.kind.case === "histogram" ? typed.kind.value.raw?.data?.source : undefined;
    });
    assert.ok(large?.case === "sha256");
    assert.equal(daemon.objects.get(large.value)?.length, 8 * 2 ** 18);
    assert.equal(small?.case, "range");
    assert.equal(record.data.value instanceof Uint8Array && record.data.value.length, 16);
  });
});

function options(daemon: FakeDaemon): NonNullable<Parameters<typeof init>[0]> {
  return { project: "p", store: daemon.store, startDaemon: false, quiet: true, onWarning: () => undefined };
}

function open(daemon: FakeDaemon): Run {
  process.env["TRACKD_CAPTURES"] = "none";
  try {
    return init(options(daemon));
  } finally {
    delete process.env["TRACKD_CAPTURES"];
  }
}

function endpointOf(daemon: FakeDaemon): string {
  return (JSON.parse(fs.readFileSync(`${daemon.store}/endpoint.json`, "utf8")) as { grpc_address: string })
    .grpc_address;
}
