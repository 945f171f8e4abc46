import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { suite, test } from "node:test";
import { UsageError } from "../src/errors.js";
import { cleanName, readSettings } from "../src/settings.js";

suite("environment", () => {
  test("each variable, with the name of wandb behind it", () => {
    const settings = readSettings(
      {},
      {
        TRACKD_PROJECT: "p",
        WANDB_PROJECT: "other",
        WANDB_RUN_ID: "i",
        WANDB_NAME: "n",
        TRACKD_TAGS: "a, b,,a",
        TRACKD_MODE: "shared",
        WANDB_QUIET: "true",
        TRACKD_CAPTURES: "none",
        TRACKD_STORE: "/tmp/s",
        TRACKD_GRPC_ADDRESS: "host:1",
        TRACKD_TOKEN: "t",
        SLURM_PROCID: "4",
      },
    );
    const { project, id, name, tags, mode, quiet, captures, store, address, token, label } = settings;
    assert.deepEqual(
      { project, id, name, tags, mode, quiet, captures, store, address, token, label },
      {
        project: "p",
        id: "i",
        name: "n",
        tags: ["a", "b"],
        mode: "shared",
        quiet: true,
        captures: [],
        store: "/tmp/s",
        address: "host:1",
        token: "t",
        label: "rank 4",
      },
    );
  });

  test("defaults", () => {
    const { id, label, mode, store, finishTimeoutSeconds, bufferBytesMax, startDaemon } = readSettings({}, {});
    assert.match(id, /^[a-z0-9]{8}$/);
    assert.equal(store, path.join(os.homedir(), ".local/state/trackd"));
    assert.deepEqual(
      [label, mode, finishTimeoutSeconds, bufferBytesMax, startDaemon],
      ["", "online", 30, 2 ** 28, true],
    );
    assert.equal(readSettings({}, { WANDB_STORE: "/x", XDG_STATE_HOME: "/state" }).store, "/state/trackd");
    assert.equal(readSettings({ store: "~/runs" }, {}).store, path.join(os.homedir(), "runs"));
    assert.equal(readSettings({}, { WANDB_MODE: "run" }).mode, "online");
    assert.equal(readSettings({}, { TRACKD_LABEL: "l", RANK: "1" }).label, "l");
  });

  test("the project is the folder of the git repository", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "trackd-ts-"));
    const before = process.cwd();
    try {
      fs.mkdirSync(path.join(folder, "my:repo/.git"), { recursive: true });
      fs.mkdirSync(path.join(folder, "my:repo/deep/er"), { recursive: true });
      process.chdir(path.join(folder, "my:repo/deep/er"));
      assert.equal(readSettings({}, {}).project, "my-repo");
    } finally {
      process.chdir(before);
      fs.rmSync(folder, { recursive: true });
    }
    assert.equal(cleanName("a/b\\c#d?e%f:g\u0000"), "a-b-c-d-e-f-g-");
  });
});

suite("what cannot be", () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ project: "a/b" }, /project is "a\/b"; it cannot hold "\/"/],
    [{ project: "x".repeat(129) }, /129 characters/],
    [{ project: " " }, /1 characters/],
    [{ project: "a\nb" }, /cannot hold/],
    [{ project: 3 }, /project is 3/],
    [{ id: "a,b" }, /run id/],
    [{ id: "" }, /0 characters/],
    [{ tags: [""] }, /tag is ""/],
    [{ tags: ["x".repeat(65)] }, /1 to 64/],
    [{ tags: "a" }, /list of texts/],
    [{ mode: "offline" }, /keeps nothing on disk/],
    [{ mode: "no" }, /mode is "no"; it can be online, shared, disabled/],
    [{ finishTimeoutSeconds: -1 }, /seconds from 0/],
    [{ finishTimeoutSeconds: NaN }, /seconds from 0/],
    [{ bufferBytesMax: "1" }, /bytes from 0/],
    [{ quiet: 1 }, /true or false/],
    [{ onWarning: 1 }, /function/],
  ];
  for (const [options, says] of wrong) {
    test(JSON.stringify(options).slice(0, 60), () => {
      assert.throws(
        () => readSettings(options, {}),
        (error) => error instanceof UsageError && says.test(error.message),
      );
    });
  }
  test("captures", () => {
    assert.throws(() => readSettings({}, { TRACKD_CAPTURES: "git,all" }), /TRACKD_CAPTURES has "all"/);
    assert.deepEqual(readSettings({}, { TRACKD_CAPTURES: "git, diff" }).captures, ["git", "diff"]);
  });
});
