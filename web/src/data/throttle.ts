/** How often something is asked again. */
export interface Throttled {
  call: () => void;
  cancel: () => void;
}

export interface Flushable extends Throttled {
  /** What was called and has not run yet runs now, also beside one that is at work: nobody is there for it later. */
  flush: () => void;
}

/**
 * Returns a function that runs `task` at once and then at most every `milliseconds`, the last call always followed by a run.
 *
 * A task that gives a promise is at work until that is kept: two of them are never at work at once, unless flushed.
 */
export function throttle(task: () => void | Promise<void>, milliseconds: number): Flushable {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isResting = false;
  let isAtWork = false;
  let isWanted = false;
  const run = () => {
    isWanted = false;
    isResting = true;
    timer = setTimeout(() => {
      isResting = false;
      goOn();
    }, milliseconds);
    const work = task();
    if (!work) return;
    isAtWork = true;
    void work.finally(() => {
      isAtWork = false;
      goOn();
    });
  };
  const goOn = () => {
    if (isWanted && !isResting && !isAtWork) run();
  };
  return {
    call: () => {
      isWanted = true;
      goOn();
    },
    flush: () => {
      if (!isWanted) return;
      clearTimeout(timer);
      run();
    },
    cancel: () => {
      clearTimeout(timer);
      isWanted = false;
      isResting = true;
    },
  };
}

/** As `throttle`, but nothing runs while nobody sees the page; what was called meanwhile runs once when it is seen again. */
export function throttleWhileSeen(task: () => void | Promise<void>, milliseconds: number): Throttled {
  let hasMissed = false;
  const throttled = throttle(() => {
    hasMissed = document.visibilityState === "hidden";
    return hasMissed ? undefined : task();
  }, milliseconds);
  const onVisible = () => {
    if (hasMissed) throttled.call();
  };
  document.addEventListener("visibilitychange", onVisible);
  return {
    call: throttled.call,
    cancel: () => {
      throttled.cancel();
      document.removeEventListener("visibilitychange", onVisible);
    },
  };
}
