/** Owns how a run opens: the WriterBegin and the Environment record, which say who writes and where. */

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { create } from "@bufbuild/protobuf";
import type { RecordInit } from "./columns.js";
import { Capture, type WriterBegin, WriterBeginSchema, WriterRole } from "./generated/trackd/v1/records_pb.js";
import type { Settings } from "./settings.js";
import { VERSION } from "./version.js";

const CAPTURES: Readonly<Record<string, Capture>> = { git: Capture.GIT, diff: Capture.DIFF };

/** Makes the record that opens a writer of this process. The program's arguments are left out: they may hold secrets. */
export function writerBegin(settings: Settings): WriterBegin {
  const { project, id, name, notes, group, jobType, tags, label, mode, captures } = settings;
  return create(WriterBeginSchema, {
    run: { project, runId: id },
    writerId: randomBytes(16).toString("hex"),
    role: mode === "shared" ? WriterRole.SHARED : WriterRole.PRIMARY,
    start: {
      ...(name === undefined ? {} : { name }),
      ...(notes === undefined ? {} : { notes }),
      ...(group === undefined ? {} : { group }),
      ...(jobType === undefined ? {} : { jobType }),
      ...(tags.length === 0 ? {} : { tags: { tags: [...tags] } }),
    },
    process: {
      pid: BigInt(process.pid),
      host: settings.host,
      program: process.argv[1] ?? "node",
      bootId: bootId(),
    },
    settings: { captures: captures.flatMap((capture) => CAPTURES[capture] ?? []) },
    label,
    client: `typescript ${VERSION}`,
  });
}

/** Makes the record of what this process knows of its surroundings; undefined when nothing is to be captured. */
export function environment(settings: Settings, timeUnixNanos: bigint): RecordInit | undefined {
  if (settings.captures.length === 0) return undefined;
  const folder = workingFolder();
  const facts = Object.entries({
    "node.version": process.versions.node,
    "os.name": `${os.type()} ${os.release()} ${os.machine()}`,
    "process.folder": folder,
  }).map(([key, value]) => ({ key, value: { kind: { case: "stringValue" as const, value } } }));
  const program = process.argv[1];
  const programPath = program !== undefined && fs.existsSync(program) ? path.resolve(program) : "";
  // A daemon elsewhere finds another folder under this name, or none.
  const places = settings.address === undefined ? { folder, programPath } : {};
  return { timeUnixNanos, kind: { case: "environment", value: { facts, ...places } } };
}

function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return ""; // it is gone
  }
}

function bootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "ascii").trim();
  } catch {
    return ""; // not Linux
  }
}
