/**
 * Tells panels when the columns of a project's runs may have changed: at most once a second, whatever the number of panels, and not
 * while nobody looks.
 */
import { useEffect } from "react";
import { queryClient } from "../data/queries";
import { watchRevisions } from "../data/page_store";
import { throttle } from "../data/throttle";

const INTERVAL_MS = 1000;

export const columnKeys = {
  values: (project: string) => ["run-columns", project] as const,
  names: (project: string) => ["column-names", project] as const,
};

interface Follower {
  count: number;
  stop: () => void;
}

const followers = new Map<string, Follower>();

function follow(project: string): Follower {
  let hasMissed = false;
  const asking = throttle(() => {
    hasMissed = document.visibilityState === "hidden";
    // An answer under way is waited for: a slow one would otherwise never come.
    if (!hasMissed) {
      void queryClient.invalidateQueries({ queryKey: columnKeys.values(project) }, { cancelRefetch: false });
    }
  }, INTERVAL_MS);
  const onVisible = () => {
    if (hasMissed) asking.call();
  };
  const stopWatching = watchRevisions((changed) => {
    if (changed === project) asking.call();
  });
  document.addEventListener("visibilitychange", onVisible);
  return {
    count: 0,
    stop: () => {
      stopWatching();
      asking.cancel();
      document.removeEventListener("visibilitychange", onVisible);
    },
  };
}

/** Keeps the answers to questions for columns up to date while the component is there. */
export function useColumnRefresh(project: string): void {
  useEffect(() => {
    const follower = followers.get(project) ?? follow(project);
    follower.count++;
    followers.set(project, follower);
    return () => {
      if (--follower.count > 0) return;
      follower.stop();
      followers.delete(project);
    };
  }, [project]);
}
