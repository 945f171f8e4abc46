import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { throttle, throttleWhileSeen } from "../src/data/throttle";

let page: EventTarget & { visibilityState: string };

function show(visibilityState: string): void {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", page);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("what is asked again as runs go on", () => {
  test("is asked at once, then once an interval, the last call being followed by one", () => {
    const task = vi.fn();
    const asking = throttleWhileSeen(task, 1000);
    for (let count = 0; count < 5; count++) asking.call();
    expect(task).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(5000);
    expect(task).toHaveBeenCalledTimes(2);
    asking.cancel();
  });

  test("waits until what was asked is answered, however long that takes", async () => {
    let settle: () => void = () => undefined;
    const task = vi.fn(() => new Promise<void>((resolve) => (settle = resolve)));
    const asking = throttleWhileSeen(task, 1000);
    asking.call();
    asking.call();
    await vi.advanceTimersByTimeAsync(5000);
    expect(task).toHaveBeenCalledTimes(1);
    settle();
    await vi.advanceTimersByTimeAsync(0);
    expect(task).toHaveBeenCalledTimes(2);
    settle();
    await vi.advanceTimersByTimeAsync(5000);
    expect(task).toHaveBeenCalledTimes(2);
    asking.cancel();
  });

  test("rests while nobody sees the page, and is asked once when it is seen again", () => {
    const task = vi.fn();
    const asking = throttleWhileSeen(task, 1000);
    show("hidden");
    for (let second = 0; second < 10; second++) {
      asking.call();
      vi.advanceTimersByTime(1000);
    }
    expect(task).not.toHaveBeenCalled();
    show("visible");
    vi.advanceTimersByTime(5000);
    expect(task).toHaveBeenCalledTimes(1);
    show("hidden");
    show("visible");
    vi.advanceTimersByTime(5000);
    expect(task).toHaveBeenCalledTimes(1);
    asking.cancel();
  });

  test("runs at once when the page goes, and goes on when it comes back", () => {
    const task = vi.fn();
    const saving = throttle(task, 1000);
    saving.flush();
    expect(task).not.toHaveBeenCalled();
    saving.call();
    saving.call();
    saving.flush();
    expect(task).toHaveBeenCalledTimes(2);
    saving.flush();
    vi.advanceTimersByTime(5000);
    expect(task).toHaveBeenCalledTimes(2);
    saving.call();
    expect(task).toHaveBeenCalledTimes(3);
    saving.cancel();
    saving.flush();
    expect(task).toHaveBeenCalledTimes(3);
  });

  test("is not asked after it was given up", () => {
    const task = vi.fn();
    const asking = throttleWhileSeen(task, 1000);
    show("hidden");
    asking.call();
    asking.cancel();
    show("visible");
    vi.advanceTimersByTime(5000);
    expect(task).not.toHaveBeenCalled();
  });
});
