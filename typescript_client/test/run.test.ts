/** Tests `init` and `Run` as a program sees them. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Run, UsageError, ValueError, init } from "trackd";
import { FakeDaemon, until } from "./fake_daemon.js";

function open(daemon: FakeDaemon, options: NonNullable<Parameters<typeof init>[0]> = {}): Run {
  return init({
    project: "p",
    store: daemon.store,
    startDaemon: false,
    quiet: true,
    onWarning: () => undefined,
    ...options,
  });
}

suite("Run", () => {
  test("a finished run takes nothing, and says so; finish again does nothing", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon, { id: "the_id" });
    await run.finish();
    const calls: (() => unknown)[] = [
      () => run.log({ a: 1 }),
      () => run.config.set("a", 1),
      () => run.summary.update({ a: 1 }),
      () => run.defineMetric("a"),
      () => run.alert("a"),
      () => run.console("a"),
      () => run.captureConsole(),
    ];
    for (const call of calls) {
      assert.throws(call, (error) => error instanceof UsageError && /the_id is finished/.test(error.message));
    }
    await assert.rejects(run.flush(), UsageError);
    await run.finish();
    await run.finish({ exitCode: 5 });
    assert.equal(daemon.count("FinishRun"), 1);
  });

  test("two who finish wait for one end", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon);
    await Promise.all([run.finish({ exitCode: 2 }), run.finish()]);
    assert.equal(daemon.exitCode, 2);
    assert.equal(daemon.count("FinishRun"), 1);
  });

  test("await using finishes it", async () => {
    await using daemon = await new FakeDaemon().start();
    {
      await using run = open(daemon);
      run.log({ a: 1 });
    }
    assert.equal(daemon.exitCode, 0);
    await until(() => daemon.connectionCount === 0, "no connection");
  });

  test("usage errors: nothing of the call is done", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon);
    const wrong: (() => unknown)[] = [
      () => run.log([1] as never),
      () => run.log(null as never),
      () => run.log({ a: 1 }, { step: 1.5 }),
      () => run.log({ a: 1 }, { step: 2n ** 63n }),
      () => run.log({ a: 1 }, { commit: "yes" as never }),
      () => run.defineMetric(""),
      () => run.defineMetric("a*b"),
      () => run.defineMetric("a", { summary: "median" }),
      () => run.defineMetric("a", { goal: "up" as never }),
      () => run.defineMetric("a", { hidden: 1 as never }),
      () => run.alert("a", { level: "LOUD" }),
      () => run.alert("a", { waitSeconds: -1 }),
      () => run.alert(1 as never),
      () => run.console(1 as never),
      () => run.console("a", "stdin" as never),
      () => run.config.update(3 as never),
    ];
    for (const call of wrong) assert.throws(call, UsageError);
    await assert.rejects(run.flush({ timeoutSeconds: NaN }), UsageError);
    await assert.rejects(run.finish({ exitCode: 0.5 }), UsageError);
    assert.throws(() => init({ address: "http://x" }), /host:port/);
    assert.throws(() => init("p" as never), UsageError);
    assert.throws(() => open(daemon, { config: { bad: undefined } }), ValueError);
    await run.finish();
    assert.deepEqual(
      daemon.records.map(({ kind }) => kind.case),
      ["environment"],
    );
  });

  test("definitions, alerts, config, summary and console", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon);
    run.defineMetric("train/*", { stepMetric: "epoch", summary: "min, MAX", goal: "maximize", hidden: true });
    run.alert("loss is high", { text: "9.5", level: "warn", waitSeconds: 60 });
    assert.throws(() => run.config.update({ a: 1, bad: Symbol("s"), b: { c: 1 } }), /bad/);
    assert.throws(() => run.summary.update({ best: { loss: 1 }, bad: undefined }), /bad/);
    run.console("a\nb");
    await run.finish();
    const [, definition, alert, config, summary, ...lines] = daemon.records.map(({ kind }) => kind);
    assert.ok(definition?.case === "metricDefinition" && alert?.case === "alert");
    const { name, stepMetric, summaryKinds, goal, hidden, stepSync } = definition.value;
    assert.deepEqual([name, stepMetric, summaryKinds, goal, hidden, stepSync], ["train/*", "epoch", [1, 2], 2, true, undefined]); // prettier-ignore
    assert.deepEqual([alert.value.title, alert.value.level, alert.value.waitSeconds], ["loss is high", 2, 60]);
    assert.ok(config?.case === "configUpdate" && summary?.case === "summaryUpdate");
    assert.deepEqual(config.value.set.map(({ key }) => key), ["a", "b"]); // prettier-ignore
    assert.deepEqual(summary.value.set.map(({ key, value }) => [key, value?.kind.case]), [["best.loss", "doubleValue"]]); // prettier-ignore
    assert.deepEqual(lines.flatMap((each) => (each.case === "consoleLines" ? each.value.lines : [])), ["a", "b"]); // prettier-ignore
  });

  test("a negative step is warned of, and the row is not kept", async () => {
    await using daemon = await new FakeDaemon().start();
    const warnings: string[] = [];
    const run = open(daemon, { onWarning: (sentence) => warnings.push(sentence) });
    run.log({ a: 1 }, { step: -1 });
    await run.finish();
    assert.match(warnings.join(), /step is -1/);
    assert.equal(daemon.records.length, 1);
  });

  test("disabled: arguments are checked, and nothing is done", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon, { mode: "disabled", config: { a: 1 } });
    run.log({ a: 1 });
    assert.throws(() => run.log({ a: undefined }), ValueError);
    assert.throws(() => run.alert("a", { level: "x" }), UsageError);
    run.console("text");
    run.captureConsole();
    await run.flush();
    await run.finish();
    assert.throws(() => run.log({ a: 1 }), UsageError);
    assert.equal(run.url, "");
    assert.deepEqual(daemon.calls, []);
  });

  test("a warning's listener that fails breaks nothing", async () => {
    await using daemon = await new FakeDaemon().start();
    const run = open(daemon, {
      bufferBytesMax: 0,
      onWarning: () => {
        throw new Error("mine");
      },
    });
    run.log({ a: 1 });
    await run.finish();
    assert.equal(daemon.exitCode, 0);
  });
});
