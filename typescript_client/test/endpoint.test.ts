import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { suite, test } from "node:test";
import { Presence, Starter, parseAddress, readEndpoint } from "../src/endpoint.js";
import { UsageError } from "../src/errors.js";
import { until } from "./fake_daemon.js";

suite("parseAddress", () => {
  test("what it can be", () => {
    assert.deepEqual(parseAddress("127.0.0.1:50051"), { host: "127.0.0.1", port: 50051 });
    assert.deepEqual(parseAddress("[::1]:1"), { host: "::1", port: 1 });
    assert.deepEqual(parseAddress("gpu-7.cluster:65535"), { host: "gpu-7.cluster", port: 65535 });
    assert.deepEqual(parseAddress("unix:/tmp/a b.sock"), { path: "/tmp/a b.sock" });
    assert.deepEqual(parseAddress("unix:///tmp/a.sock"), { path: "/tmp/a.sock" });
  });
  for (const address of [
    "",
    "host",
    "host:",
    ":1",
    "host:0",
    "host:65536",
    "http://host:1",
    "unix:relative",
    "a b:1",
  ]) {
    test(`what it cannot be: ${address}`, () => assert.throws(() => parseAddress(address), UsageError));
  }
});

suite("the store", () => {
  const folder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), "trackd-ts-"));

  test("readEndpoint", async () => {
    const store = folder();
    const file = path.join(store, "endpoint.json");
    assert.equal(await readEndpoint(store), undefined);
    for (const text of ["", "{", "[]", "null", '{"grpc_address": 1, "token": "t"}']) {
      fs.writeFileSync(file, text);
      assert.equal(await readEndpoint(store), undefined, text);
    }
    fs.writeFileSync(file, '{"grpc_address": "a:1", "http_address": "http://b", "token": "t", "more": 1}');
    assert.deepEqual(await readEndpoint(store), { grpcAddress: "a:1", httpAddress: "http://b", token: "t" });
    fs.rmSync(store, { recursive: true });
  });

  test("Presence holds the lock file open until it is released", { skip: process.platform !== "linux" }, () => {
    const store = folder();
    const presence = new Presence(store);
    presence.hold(); // there is none yet
    const lock = path.join(store, "daemon.lock");
    fs.writeFileSync(lock, "");
    presence.hold();
    presence.hold();
    assert.equal(openCount(lock), 1);
    presence.release();
    assert.equal(openCount(lock), 0);
    fs.rmSync(store, { recursive: true });
  });

  test("Starter runs `trackd up --store`, once, and says once when it cannot", async () => {
    const store = folder();
    const before = process.env["PATH"];
    const warnings: string[] = [];
    try {
      process.env["PATH"] = store;
      const without = new Starter(store, (sentence) => warnings.push(sentence));
      without.start();
      without.start();
      await until(() => warnings.length > 0);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /pip install trackd/);

      fs.writeFileSync(path.join(store, "trackd"), `#!/bin/sh\necho "$@" >> '${store}/told'\n`, { mode: 0o755 });
      const starter = new Starter(store, (sentence) => warnings.push(sentence));
      starter.start();
      starter.start();
      await until(() => fs.existsSync(path.join(store, "told")) && fs.statSync(path.join(store, "told")).size > 0);
      assert.equal(fs.readFileSync(path.join(store, "told"), "utf8"), `up --store ${store}\n`);
      assert.equal(warnings.length, 1);
    } finally {
      process.env["PATH"] = before;
      fs.rmSync(store, { recursive: true });
    }
  });
});

function openCount(file: string): number {
  return fs.readdirSync("/proc/self/fd").filter((each) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${each}`) === file;
    } catch {
      return false; // of the folder's own listing
    }
  }).length;
}
