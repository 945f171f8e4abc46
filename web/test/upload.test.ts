import { describe, expect, test } from "vitest";
import type { Upload } from "../src/api/types";
import { uploadFacts, uploadTone, uploadWords } from "../src/app/upload_words";
import { syncedWords } from "../src/run/synced_words";

function upload(status: Partial<Upload["status"]> = {}, settings: Partial<Upload["settings"]> = {}): Upload {
  return {
    settings: { url: "s3://team/runs", endpoint_url: "", interval_seconds: 5, ...settings },
    status: {
      state: "idle",
      sentence: "",
      pending_run_count: 0,
      pending_file_count: 0,
      pending_bytes: 0,
      sent_file_count: 0,
      sent_bytes: 0,
      lag_seconds: 0,
      retry_seconds: 0,
      ...status,
    },
  };
}

const pending = { pending_run_count: 2, pending_file_count: 3, pending_bytes: 5 * 1024 * 1024, lag_seconds: 0.4 };
const sentence = "could not write 'x' in the bucket";

describe("the mark of the upload", () => {
  test.each([
    ["off", {}, null],
    ["off", { sentence }, "waiting"],
    ["idle", {}, "settled"],
    ["sending", pending, "sending"],
    // Of a run that is written something is always on its way: the mark does not flicker with it.
    ["sending", { ...pending, pending_bytes: 2000 }, "settled"],
    ["sending", { ...pending, pending_bytes: 2000, lag_seconds: 5 }, "sending"],
    ["waiting", pending, "waiting"],
    ["stopped", pending, "stopped"],
  ] as const)("of state %s with %o is %s", (state, status, tone) => {
    expect(uploadTone(upload({ state, ...status }))).toBe(tone);
  });

  test("says in few words how it stands", () => {
    expect(uploadWords(upload(), "settled")).toBe("in s3://team/runs");
    expect(uploadWords(upload(pending), "sending")).toBe("sending 3 files, 5 MiB");
    expect(uploadWords(upload(pending), "waiting")).toBe("upload waits, 3 files, 5 MiB");
    expect(uploadWords(upload({ ...pending, pending_file_count: 0 }), "waiting")).toBe("upload waits");
    expect(uploadWords(upload({ state: "off", sentence }, { url: "" }), "waiting")).toBe("the bucket cannot be read");
    expect(uploadWords(upload({ ...pending, sentence }), "stopped")).toBe(`upload stopped: ${sentence}`);
  });

  test("opens to all that is known", () => {
    expect(uploadFacts(upload({ sent_file_count: 1, sent_bytes: 2048 }))).toEqual([
      ["Bucket", "s3://team/runs"],
      ["Waiting", "nothing"],
      ["Sent", "1 file, 2 KiB since the daemon started"],
    ]);
    const far = upload(
      { ...pending, state: "waiting", retry_seconds: 12, lag_seconds: 75 },
      { endpoint_url: "http://a" },
    );
    expect(uploadFacts(far)).toEqual([
      ["Bucket", "s3://team/runs"],
      ["Server", "http://a"],
      ["Waiting", "2 runs, 3 files, 5 MiB"],
      ["Behind", "1 m 15 s"],
      ["Next attempt", "in 12 s"],
      ["Sent", "0 files, 0 B since the daemon started"],
    ]);
    expect(uploadFacts(upload({ state: "stopped", sentence }, { url: "" }))).toEqual([]);
  });
});

test.each([
  [1200, 0.4, "to step 1,200 of 1,250"],
  [1200, 75, "to step 1,200 of 1,250, 1 m 15 s behind"],
  [1250, 75, "all, to step 1,250"],
  [0, 0, "to step 0 of 1,250"],
  [null, 0, "nothing yet"],
  [undefined, 0, "nothing yet"],
])("a run that is synced below step %s, %s s behind, is %s", (synced_step, lag_seconds, words) => {
  expect(syncedWords({ synced_step, next_step: 1250 }, upload({ lag_seconds }))).toBe(words);
});

test("nothing is said of a bucket where there is none", () => {
  const run = { synced_step: null, next_step: 1 };
  expect(syncedWords(run, upload({ state: "off" }, { url: "" }))).toBeNull();
  expect(syncedWords(run, undefined)).toBeNull();
});
