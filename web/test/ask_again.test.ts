import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RunsAnswer, RunsQuestion } from "../src/api/run_sets";
import type { Run } from "../src/api/types";
import { askAnew, askingAgain, letGo } from "../src/data/ask_again";

const queryRuns = vi.hoisted(() => vi.fn());
vi.mock("../src/api/run_sets", () => ({ queryRuns }));
vi.mock("../src/data/page_store", () => ({ noteRevision: vi.fn() }));

const KEY = ["run", "p", "r"];
const SECOND = 1000;

/** A daemon that answers when it is told to, with what was so when it was asked. */
class Daemon {
  value = 0;
  askedCount = 0;
  private readonly answers: (() => void)[] = [];

  ask = (signal?: AbortSignal): Promise<number> => {
    const { value } = this;
    this.askedCount++;
    return new Promise((resolve, reject) => {
      this.answers.push(() => resolve(value));
      signal?.addEventListener("abort", () => reject(new Error("thrown away")));
    });
  };

  async answer(): Promise<void> {
    this.answers.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  }
}

let daemon: Daemon;
let client: QueryClient;
let close: () => void;

const show = () =>
  new QueryObserver(client, { queryKey: KEY, queryFn: ({ signal }) => daemon.ask(signal) }).subscribe(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  daemon = new Daemon();
  client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  close = show();
});

afterEach(() => {
  close();
  client.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a change that is heard of", () => {
  test("while the first answer is on its way is shown all the same", async () => {
    const asking = askingAgain(client, SECOND);
    daemon.value = 1;
    asking.call(KEY);
    await vi.advanceTimersByTimeAsync(5 * SECOND);
    expect(daemon.askedCount).toBe(1);
    await daemon.answer();
    expect(client.getQueryData(KEY)).toBe(0);
    await vi.advanceTimersByTimeAsync(SECOND);
    await daemon.answer();
    expect(client.getQueryData(KEY)).toBe(1);
    asking.cancel();
  });

  test("each second does not put off an answer that takes longer", async () => {
    await daemon.answer();
    const asking = askingAgain(client, SECOND);
    for (let second = 1; second <= 5; second++) {
      daemon.value = second;
      asking.call(KEY);
      await vi.advanceTimersByTimeAsync(SECOND);
    }
    expect(daemon.askedCount).toBe(2);
    await daemon.answer();
    expect(client.getQueryData(KEY)).toBe(1);
    await vi.advanceTimersByTimeAsync(SECOND);
    await daemon.answer();
    expect(client.getQueryData(KEY)).toBe(5);
    await vi.advanceTimersByTimeAsync(5 * SECOND);
    expect(daemon.askedCount).toBe(3);
    asking.cancel();
  });
});

test("what is on its way over a connection that was lost is asked anew, the first answer too", async () => {
  daemon.value = 1;
  void askAnew(client, [KEY]);
  await vi.advanceTimersByTimeAsync(0);
  expect(daemon.askedCount).toBe(2);
  await daemon.answer();
  await daemon.answer();
  expect(client.getQueryData(KEY)).toBe(1);
});

test("what nobody listened to meanwhile is asked when it is shown again, and is there at once", async () => {
  await daemon.answer();
  close();
  letGo(client, [["run", "p"]]);
  daemon.value = 1;
  await vi.advanceTimersByTimeAsync(SECOND);
  expect(daemon.askedCount).toBe(1);
  close = show();
  expect(client.getQueryData(KEY)).toBe(0);
  await daemon.answer();
  expect(client.getQueryData(KEY)).toBe(1);
});

describe("a list of runs that is on its way", () => {
  const run = (id: string, created: number, revision = 1) =>
    ({ run_id: id, create_time_unix_ms: created, revision }) as Run;
  const answer = (runs: Run[]) =>
    ({ runs, run_ids: runs.map((one) => one.run_id), total_count: runs.length }) as RunsAnswer;
  const question = { filter: "", search: "", sort: [], group_by: [] } as unknown as RunsQuestion;

  test("has what was told of its runs since it was asked, and nothing of other projects", async () => {
    const { fetchRunList, tellLists } = await import("../src/data/run_list");
    let settle: (value: RunsAnswer) => void = () => undefined;
    queryRuns.mockImplementation(() => new Promise((resolve) => (settle = resolve)));
    const list = fetchRunList("p", question);
    tellLists(client, "p", { type: "runs", runs: [run("a", 1, 5), run("new", 3)], removed: [] });
    tellLists(client, "p", { type: "runs", runs: [run("a", 1, 6)], removed: ["b"] });
    tellLists(client, "q", { type: "runs", runs: [run("other", 4)], removed: [] });
    settle(answer([run("b", 2), run("a", 1)]));
    const { runs, total_count: count } = await list;
    expect(runs.map((one) => [one.run_id, one.revision])).toEqual([
      ["new", 1],
      ["a", 6],
    ]);
    expect(count).toBe(2);
  });
});
