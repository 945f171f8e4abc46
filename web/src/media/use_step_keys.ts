/** The keys [ and ] go back and on by a logged step: charts mark it, and records without a step of their own go there. */
import { useEffect, useRef, useState } from "react";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import { useKeys } from "../ui/use_keys";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { nextStep } from "./steps";
import { useSectionSteps } from "./use_section_steps";

export function useStepKeys(
  project: string,
  media: readonly MediaMetric[],
  runs: readonly ShownRun[],
  view: ViewState,
  changeView: ChangeView,
): void {
  // What was logged when is asked at the first press, which is then done as soon as it is known.
  const [isWanted, setWanted] = useState(false);
  const pending = useRef<-1 | 1 | null>(null);
  const steps = useSectionSteps(project, media, runs, isWanted);
  const go = (by: -1 | 1) => {
    setWanted(true);
    if (steps.length > 0) changeView({ cursor: nextStep(steps, view.cursor, by) });
    else pending.current = by;
  };
  useEffect(() => {
    if (pending.current === null || steps.length === 0) return;
    changeView({ cursor: nextStep(steps, view.cursor, pending.current) });
    pending.current = null;
  }, [steps, view.cursor, changeView]);
  useKeys({ "[": () => go(-1), "]": () => go(1) });
}
