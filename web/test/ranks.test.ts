import { describe, expect, test } from "vitest";
import type { Writer } from "../src/api/types";
import { byHost, lagShare, lagWords, ordered, rankRows, wordsOf } from "../src/ranks/rank_rows";

const writer = (number: number, over: Partial<Writer> = {}): Writer => ({
  writer_id: `w${number}`,
  role: "shared",
  label: `rank ${number}`,
  client: "",
  process: { pid: 100 + number, host: `node-${Math.floor(number / 2)}` },
  open: true,
  row_count: 10,
  metrics: ["loss"],
  next_step: 10,
  update_time_unix_ms: 1_000,
  console_line_count: 0,
  state: "running",
  exit_code: null,
  signal: 0,
  end_reason: "",
  silent: false,
  heard_time_unix_ms: 1_000 + number,
  last_step: 9,
  steps_per_second: 1,
  superseded: false,
  steps_behind: 0,
  seconds_behind: 0,
  ...over,
});

const rows = (...writers: Writer[]) => rankRows({ writers });

describe("the ranks of a run", () => {
  test("are its writers that are no helpers, by number, and of a rank that was begun again the last", () => {
    const found = rows(
      writer(10),
      writer(2),
      writer(1, { superseded: true }),
      writer(1, { writer_id: "again" }),
      writer(3, { role: "helper" }),
      writer(4, { role: "observer" }),
      writer(0, { role: "primary" }),
    );
    expect(found.map(({ name }) => name)).toEqual(["rank 0", "rank 1", "rank 2", "rank 10"]);
    expect(found[1].id).toBe("again");
  });

  test("of an older daemon are shown with what it tells", () => {
    const { state, silent, heard_time_unix_ms, last_step, steps_behind, superseded, ...older } = writer(1);
    expect([state, silent, heard_time_unix_ms, last_step, steps_behind, superseded]).not.toContain(undefined);
    const [row] = rows({ ...older, open: false });
    expect(row).toMatchObject({ state: "finished", lastStep: null, stepsBehind: null, heardMs: 1_000 });
    expect(wordsOf(row)).toBe("rank 1 on node-0: finished");
  });

  test("have what was measured of their host, and of several GPUs the mean", () => {
    const [row, other] = rankRows({
      writers: [writer(0), writer(2)],
      system_metrics: {
        "node-0": { "system.cpu.utilization": 0.25, "hw.gpu.utilization/0": 0.5, "hw.gpu.utilization/1": 1 },
        "node-1": { "system.cpu.utilization": "NaN" },
      },
    });
    expect([row.cpu, row.gpu]).toEqual([0.25, 0.75]);
    expect([other.cpu, other.gpu]).toEqual([null, null]);
  });

  test("come slowest first, in trouble first, or longest unheard first; what is alike by rank", () => {
    const found = rows(
      writer(0),
      writer(1, { steps_behind: 85, seconds_behind: 8.5 }),
      writer(2, { steps_behind: null }),
      writer(3, { open: false, state: "failed", exit_code: 3 }),
      writer(4, { silent: true, heard_time_unix_ms: 1 }),
    );
    const names = (order: Parameters<typeof ordered>[1]) =>
      ordered(found, order)
        .map(({ id }) => id.slice(1))
        .join("");
    expect(names("rank")).toBe("01234");
    expect(names("slowest")).toBe("10342");
    expect(names("state")).toBe("34012");
    expect(names("heard")).toBe("40123");
  });

  test("stand by host", () => {
    expect(byHost(rows(writer(0), writer(1), writer(2))).map(({ host, rows: own }) => [host, own.length])).toEqual([
      ["node-0", 2],
      ["node-1", 1],
    ]);
  });

  test("have words for all that their colour and their sign say", () => {
    const [behind, level, alone, failed, killed] = rows(
      writer(0, { steps_behind: 1_085, seconds_behind: 90 }),
      writer(1),
      writer(2, { steps_behind: null, last_step: null }),
      writer(3, { open: false, state: "failed", exit_code: 3 }),
      writer(4, { open: false, state: "killed", signal: 9 }),
    );
    expect(wordsOf(behind)).toBe("rank 0 on node-0: running, step 9, 1,085 behind (1 m 30 s)");
    expect(wordsOf(level)).toBe("rank 1 on node-0: running, step 9, not behind");
    expect(wordsOf(alone)).toBe("rank 2 on node-1: running");
    expect(wordsOf(failed)).toBe("rank 3 on node-1: failed with exit code 3, step 9, not behind");
    expect(wordsOf(killed)).toContain("killed with signal SIGKILL (9)");
    expect([behind, level, alone].map(lagShare)).toEqual([1, 0, null]);
    expect(lagWords(rows(writer(0, { steps_behind: 5, seconds_behind: null }))[0])).toBe("5 behind");
  });
});
