/** The series of one chart: asked while the chart is on screen, held while new ones are on their way. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Series, XAxis } from "../api/series";
import { seriesStore } from "../data/page_store";
import type { SeriesQuestion } from "../data/question";
import type { Watch } from "../data/watched";
import { questionsOf, type Wanted } from "./chart_questions";
import type { HeldSeries } from "./make_model";

export interface ChartSeriesState {
  /** The axis that `held` is drawn over: the one before, until the first series over the new one have come. */
  axis: XAxis;
  held: HeldSeries;
  /** Whether every line has been answered at least once. */
  isComplete: boolean;
  error: Error | null;
}

/** The series of a chart's lines, each named by its line. */
export function useChartSeries(wanted: Wanted, isActive: boolean): ChartSeriesState {
  const { project, lines, axis, buckets } = wanted;
  const { smoothing, zoom, aggregate, band } = wanted.view;
  const asked = useMemo(() => JSON.stringify(lines.map((one) => [one.id, one.isContext, one.source])), [lines]);
  const { questions, idOf } = useMemo(() => {
    const made = questionsOf(wanted);
    const ids = new Map(made.map((question, index) => [question, lines[index].id]));
    return { questions: made, idOf: (question: SeriesQuestion) => ids.get(question)! };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the questions depend on what the lines show, not on which array holds them.
  }, [project, asked, axis, smoothing, zoom, aggregate, band, buckets]);
  return useSeries(questions, idOf, axis, isActive);
}

/**
 * The series of any lines over one axis.
 *
 * @param questions the same array as long as the questions are the same.
 * @param idOf names the line of a question within the chart.
 */
export function useSeries(
  questions: readonly SeriesQuestion[],
  idOf: (question: SeriesQuestion) => string,
  axis: XAxis,
  isActive: boolean,
): ChartSeriesState {
  const [version, setVersion] = useState(0);
  const changed = useCallback(() => setVersion((before) => before + 1), []);
  const watch = useRef<Watch<SeriesQuestion> | null>(null);

  useEffect(() => {
    if (!isActive) return;
    watch.current ??= seriesStore.watch(changed);
    watch.current.update(questions);
  }, [questions, isActive, changed]);

  useEffect(() => {
    if (isActive) return;
    watch.current?.close();
    watch.current = null;
  }, [isActive]);

  useEffect(
    () => () => {
      watch.current?.close();
      watch.current = null;
    },
    [],
  );

  const [held, setHeld] = useState<Held>(NOTHING_HELD);
  const isCurrent = held.questions === questions && held.version === version;
  const current = isCurrent ? held : { questions, version, state: nextState(questions, idOf, axis, held.state) };
  // Set while rendering: what was shown before is part of what is shown next.
  if (!isCurrent) setHeld(current);
  return current.state;
}

interface Held {
  /** What `state` was made from. */
  questions: readonly SeriesQuestion[];
  version: number;
  state: ChartSeriesState;
}

const NOTHING_HELD: Held = {
  questions: [],
  version: -1,
  state: { axis: "step", held: new Map(), isComplete: false, error: null },
};

function nextState(
  questions: readonly SeriesQuestion[],
  idOf: (question: SeriesQuestion) => string,
  axis: XAxis,
  before: ChartSeriesState,
): ChartSeriesState {
  const fresh = new Map<string, Series>();
  let error: Error | null = null;
  for (const question of questions) {
    const series = seriesStore.get(question);
    if (series) fresh.set(idOf(question), series);
    error ??= seriesStore.error(question);
  }
  const isComplete = fresh.size === questions.length;
  if (isComplete && axis === before.axis && error === before.error && isSame(fresh, before)) return before;
  if (axis !== before.axis && before.held.size > 0) {
    // Old and new x cannot stand on one axis: the old drawing stays until the new one is there.
    return isComplete || error ? { axis, held: fresh, isComplete, error } : { ...before, error };
  }
  if (isComplete) return { axis, held: fresh, isComplete, error };
  const held = new Map(fresh);
  for (const question of questions) {
    const id = idOf(question);
    const old = before.held.get(id);
    if (!held.has(id) && old) held.set(id, old);
  }
  return { axis, held, isComplete, error };
}

/** Whether all that there is was shown before: nothing is drawn anew. */
const isSame = (fresh: ReadonlyMap<string, Series>, { held, isComplete }: ChartSeriesState): boolean =>
  isComplete && held.size === fresh.size && [...fresh].every(([id, series]) => held.get(id) === series);
