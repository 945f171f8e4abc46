import { describe, expect, test } from "vitest";
import type { WholeRun, Writer } from "../src/api/types";
import { printing, writerName } from "../src/logs/writer_name";
import { environmentGroups, environmentText } from "../src/run/environment_groups";
import { codeFacts, pageOf } from "../src/run/git";
import { signalName } from "../src/run/signal_name";

test("signals have names, where a number means one thing on every system", () => {
  expect([9, 15, "SIGKILL", 10].map(signalName)).toEqual(["SIGKILL (9)", "SIGTERM (15)", "SIGKILL", "10"]);
});

describe("the code of a run", () => {
  const run = (over: Partial<WholeRun>) => ({ project: "p q", run_id: "r", ...over }) as WholeRun;

  test("is what git said, with the files that were kept beside it", () => {
    const facts = codeFacts(
      run({
        environment: { "git.commit": "abc", "git.is_dirty": true, "git.remote": "git@host.org:a/b.git" },
        files: ["diff.patch", "code/a.py", "code/b.py", "requirements.txt"].map((path) => ({
          path,
          size_bytes: 1,
          sha256: "",
          purpose: path.startsWith("code") ? "code" : "",
        })),
      }),
    );
    expect(facts).toMatchObject({ commit: "abc", isDirty: true, remoteAddress: "https://host.org/a/b" });
    expect(facts?.files).toEqual([
      { label: "diff.patch", path: "diff.patch" },
      { label: "requirements.txt", path: "requirements.txt" },
    ]);
    expect(codeFacts(run({ environment: { "python.version": "3.12" } }))).toBeNull();
    expect(codeFacts(run({}))).toBeNull();
  });

  test.each([
    ["https://user:secret@host.org/a.git", "https://host.org/a"],
    ["http://host.org/a", "http://host.org/a"],
    ["javascript:alert(1)", null],
    ["git@host.org:javascript:alert(1)", null],
    ["/srv/git/a.git", null],
    ["ssh://git@host.org/a", null],
    ["https://", null],
  ])("a remote %s is the page %s", (remote, page) => {
    expect(pageOf(remote)).toBe(page);
  });
});

test("the surroundings are grouped by the first part of their names", () => {
  const groups = environmentGroups({
    "python.version": "3.12",
    "library.torch": "2.9",
    "os.name": "Linux",
    "hw.gpu.name/0": "H100",
    "machine.cpu": "EPYC",
    "environment.OMP_NUM_THREADS": "8",
    "capture.problems": "none of it",
    odd: 1,
  });
  expect(groups.map(({ title, rows }) => [title, rows])).toEqual([
    ["Python", [["version", "3.12"]]],
    ["Libraries", [["torch", "2.9"]]],
    ["Operating system", [["name", "Linux"]]],
    [
      "Machine",
      [
        ["cpu", "EPYC"],
        ["hw.gpu.name/0", "H100"],
      ],
    ],
    ["Variables", [["OMP_NUM_THREADS", "8"]]],
    ["Other", [["odd", 1]]],
  ]);
  expect(environmentText(groups)).toContain("# Python\nversion=3.12\n");
  expect(environmentGroups(undefined)).toEqual([]);
});

test("a writer is named by its label, else by its role, and by where it runs", () => {
  const writer = (over: Partial<Writer>) =>
    ({ writer_id: "w", role: "primary", label: "", process: null, console_line_count: 0, ...over }) as Writer;
  expect(writerName(writer({}))).toBe("main · w");
  expect(writerName(writer({ label: "rank 3", process: { host: "node7", pid: 12 } }))).toBe(
    "rank 3 · node7, process 12",
  );
  expect(printing([writer({}), writer({ console_line_count: 2 })])).toHaveLength(1);
});
