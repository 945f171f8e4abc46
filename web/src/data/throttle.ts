/** How often something is asked again. */
export interface Throttled {
  call: () => void;
  cancel: () => void;
}

/** Returns a function that runs `task` at once and then at most every `milliseconds`, the last call always followed by a run. */
export function throttle(task: () => void, milliseconds: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const run = () => {
    isWanted = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (isWanted) run();
    }, milliseconds);
    task();
  };
  return {
    call: () => {
      if (timer === undefined) run();
      else isWanted = true;
    },
    cancel: () => clearTimeout(timer),
  };
}

/** As `throttle`, but nothing runs while nobody sees the page; what was called meanwhile runs once when it is seen again. */
export function throttleWhileSeen(task: () => void, milliseconds: number): Throttled {
  let hasMissed = false;
  const throttled = throttle(() => {
    hasMissed = document.visibilityState === "hidden";
    if (!hasMissed) task();
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
