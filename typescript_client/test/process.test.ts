/** Tests what a client does to its process: it ends by itself and at once, and what was logged is not lost. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeDaemon } from "./fake_daemon.js";

const CLIENT = new URL("../src/index.js", import.meta.url).href;
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Runs a program; returns how it ended, what it wrote, and for how long it ran once its own code was done. */
async function runProgram(
  daemon: FakeDaemon,
  code: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number | null; output: string; seconds: number }> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(TRACKD|WANDB|NODE_TEST)_/.test(name));
  const program = `import { init } from ${JSON.stringify(CLIENT)};\nimport * as fs from "node:fs";\n${code}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: {
      ...Object.fromEntries(kept),
      TRACKD_STORE: daemon.store,
      TRACKD_CAPTURES: "none",
      PATH: "/nowhere",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let doneSeconds = performance.now() / 1000;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (text.includes("DONE")) doneSeconds = performance.now() / 1000;
    });
  }
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, output, seconds: performance.now() / 1000 - doneSeconds };
}

function rowCount(daemon: FakeDaemon): number {
  return daemon.records.reduce((sum, { kind }) => {
    if (kind.case === "row") return sum + 1;
    return sum + (kind.case === "rowColumns" ? kind.value.timesUnixNanos.length : 0);
  }, 0);
}

suite("the process", () => {
  test("after finish nothing is left: no socket, no timer, no file, and it ends at once", async () => {
    await using daemon = await new FakeDaemon().start();
    fs.writeFileSync(path.join(daemon.store, "daemon.lock"), "");
    const { exitCode, output, seconds } = await runProgram(
      daemon,
      `const resources = () => process.getActiveResourcesInfo().filter((each) => !/Pipe|TTY/.test(each));
       const listeners = () => ["beforeExit", "exit", "uncaughtException"].map((each) => process.listenerCount(each));
       const before = listeners();
       for (let round = 0; round < 3; round++) {
         const run = init({ quiet: true });
         run.captureConsole();
         for (let n = 0; n < 100; n++) run.log({ n });
         await run.flush();
         await run.finish();
       }
       await new Promise((resolve) => setTimeout(resolve));
       const open = fs.readdirSync("/proc/self/fd").flatMap((each) => { try { return fs.readlinkSync("/proc/self/fd/" + each); } catch { return []; } });
       console.log(JSON.stringify([resources(), before, listeners()]), open.some((each) => each.includes("daemon.lock")), "DONE");`,
    );
    assert.equal(exitCode, 0, output);
    const [resources, before, after] = JSON.parse(output.slice(0, output.lastIndexOf("]") + 1)) as unknown[];
    assert.deepEqual(resources, []);
    assert.deepEqual(after, before);
    assert.match(output, /false DONE/);
    assert.ok(seconds < 1, `${seconds} seconds`);
    assert.equal(rowCount(daemon), 300);
  });

  test("a program that forgets to finish loses nothing, and its exit code is the run's", async () => {
    await using daemon = await new FakeDaemon().start();
    const { exitCode, output } = await runProgram(
      daemon,
      `const run = init(); for (let n = 0; n < 50000; n++) run.log({ n }); process.exitCode = 3; console.log("DONE");`,
    );
    assert.equal(exitCode, 3, output);
    assert.equal(rowCount(daemon), 50_000);
    assert.equal(daemon.exitCode, 3);
    assert.match(output, /trackd: run \w{8} failed with exit code 3/);
  });

  test("a hanging daemon holds the end up for the time of finish, and no longer", async () => {
    await using daemon = await new FakeDaemon().start();
    daemon.faults.CreateRun = ["hang"];
    const { exitCode, output, seconds } = await runProgram(
      daemon,
      `const run = init({ finishTimeoutSeconds: 0.5 }); run.log({ n: 1 }); console.log("DONE");`,
    );
    assert.equal(exitCode, 0, output);
    assert.match(output, /trackd: 1 of 1 records of run \w{8} could not be brought/);
    assert.ok(seconds < 4, `${seconds} seconds`);
  });

  test("no daemon and no command trackd: says what to do, and ends in time", async () => {
    await using daemon = new FakeDaemon();
    const { exitCode, output } = await runProgram(
      daemon,
      `const run = init({ finishTimeoutSeconds: 0.5 }); run.log({ n: 1 });`,
    );
    assert.equal(exitCode, 0, output);
    assert.match(output, /pip install trackd/);
  });

  test("an uncaught exception is the program's, as without trackd", async () => {
    await using daemon = await new FakeDaemon().start();
    const { exitCode, output } = await runProgram(
      daemon,
      `const run = init({ quiet: true }); run.log({ n: 1 }); await run.flush(); throw new Error("mine");`,
    );
    assert.equal(exitCode, 1);
    assert.match(output, /Error: mine/);
    assert.equal(daemon.exitCode, undefined); // the daemon notices that the process is gone
  });
});

suite("the package", () => {
  test("one version", () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8")) as { version: string };
    const source = fs.readFileSync(path.join(ROOT, "../python_client/trackd/_version.py"), "utf8");
    assert.match(source, new RegExp(`VERSION = "${version.replaceAll(".", "\\.")}"`));
    assert.match(fs.readFileSync(path.join(ROOT, "src/version.ts"), "utf8"), new RegExp(`"${version}"`));
  });

  test("the README's quickstart is the sample", () => {
    const readme = fs.readFileSync(path.join(ROOT, "README.md"), "utf8");
    assert.ok(
      readme.includes(`\`\`\`ts\n${fs.readFileSync(path.join(ROOT, "samples/quickstart.ts"), "utf8")}\`\`\`\n`),
    );
  });
});
