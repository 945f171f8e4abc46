/** All steps at which the records of a section were logged. */
import { useMemo } from "react";
import { recordStore } from "../data/page_store";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import { useStable } from "../ui/use_stable";
import { unionOfSteps } from "./steps";
import { useWatched } from "./use_watched";

// Steps of so many cards and runs tell where the slider should stop; a card with others has a slider of its own.
const MEDIA_MAX = 12;
const RUNS_MAX = 12;

/** @param isWanted whether anybody asks: each series is a question of its own. */
export function useSectionSteps(
  project: string,
  media: readonly MediaMetric[],
  runs: readonly ShownRun[],
  isWanted = true,
): number[] {
  const questions = useMemo(
    () =>
      media
        .slice(0, MEDIA_MAX)
        .flatMap(({ key, kind }) =>
          runs
            .slice(0, RUNS_MAX)
            .map((run) => ({ what: "steps" as const, series: { project, run: run.id, key, kind } })),
        ),
    [project, media, runs],
  );
  const version = useWatched(questions, isWanted);
  return useStable(
    useMemo(() => {
      void version;
      void isWanted; // what others have asked meanwhile is known already
      return unionOfSteps(questions.flatMap(({ series }) => [recordStore.steps(series) ?? []]));
    }, [questions, version, isWanted]),
  );
}
