/** Owns pauses that can be cut short. Their timers never hold the process, unless asked to. */

const TIMER_MILLISECONDS_MAX = 2 ** 31 - 1; // a longer one would ring at once

/** Lets one waiter sleep until it rings. */
export class Bell {
  #wake: (() => void) | undefined;

  /** Ends the wait that is under way, if any. */
  ring(): void {
    this.#wake?.();
  }

  /** Waits until it rings, or until so many seconds are over. */
  wait(seconds = Infinity): Promise<void> {
    return new Promise((resolve) => {
      const timer = seconds === Infinity ? undefined : setTimer(() => this.#wake?.(), seconds).unref();
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Calls something after so many seconds; the timer holds the process. */
export function setTimer(call: () => void, seconds: number): NodeJS.Timeout {
  return setTimeout(call, Math.min(seconds * 1000, TIMER_MILLISECONDS_MAX));
}

/** Returns the time of a clock that never goes back, in seconds. */
export function monotonicSeconds(): number {
  return performance.now() / 1000;
}
