/** Marks of what happened in the runs of a chart, along its x axis, with words for who points at one or moves the focus there. */
import { useMemo } from "react";
import type { XAxis } from "../api/series";
import type { Frame } from "../chart/frame";
import type { ChartModel } from "../chart/model";
import { toPixel } from "../chart/scale";
import { formatCount, plural } from "../format/number";
import { formatMoment } from "../format/time";
import { type ChartEvent, type ChartEventKind, type EventMark, eventX, markEvents } from "./chart_event";
import styles from "./EventMarks.module.css";
import type { ShownRun } from "./shown_run";

interface EventMarksProps {
  events: readonly ChartEvent[];
  runs: readonly ShownRun[];
  frame: Frame;
  model: ChartModel;
  axis: XAxis;
}

/** What is told apart by its form; the colour is the run's. */
const GLYPHS: Record<ChartEventKind, string> = {
  checkpoint: "M1 1h8v8H1z",
  alert: "M5 0l5 9H0z",
  restart: "M5 0l5 5-5 5-5-5z",
  note: "M5 0a5 5 0 010 10A5 5 0 015 0z",
};

// More words than these nobody reads in a hover.
const WORDS_MAX = 5;
const EDGE_PIXELS = 120;

export function EventMarks({ events, runs, frame, model, axis }: EventMarksProps) {
  const byId = useMemo(() => new Map(runs.map((run) => [run.id, run])), [runs]);
  const marks = useMemo(() => {
    const base = Number(model.xBase);
    const placed = events.flatMap((event) => {
      const x = byId.has(event.runId) ? eventX(event, axis, (id) => byId.get(id)?.createTimeMs) : null;
      const pixel = x === null ? Number.NaN : toPixel(frame.x, x - base);
      return pixel >= frame.plot.left && pixel <= frame.plot.right ? [{ pixel, event }] : [];
    });
    return markEvents(placed);
  }, [events, byId, frame, model, axis]);
  if (marks.length === 0) return null;
  return (
    <ul className={styles.marks} aria-label="Events" style={{ top: frame.plot.bottom - 5 }}>
      {marks.map((mark) => (
        <Mark key={mark.pixel} mark={mark} runs={byId} isAtEnd={mark.pixel > frame.plot.right - EDGE_PIXELS} />
      ))}
    </ul>
  );
}

interface MarkProps {
  mark: EventMark;
  runs: ReadonlyMap<string, ShownRun>;
  isAtEnd: boolean;
}

function Mark({ mark: { pixel, events }, runs, isAtEnd }: MarkProps) {
  const [first] = events;
  const color = runs.get(first.runId)?.style.color;
  const words = events.slice(0, WORDS_MAX).map((event) => wordsOf(event, runs.get(event.runId)?.name ?? event.runId));
  if (events.length > WORDS_MAX) words.push(`… ${formatCount(events.length - WORDS_MAX)} more`);
  const label = events.length > 1 ? `${plural(events.length, "event")}: ${words.join("; ")}` : words[0];
  return (
    <li className={styles.mark} style={{ transform: `translateX(${pixel - 5}px)` }}>
      <button type="button" className={styles.glyph} aria-label={label}>
        <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
          <path d={GLYPHS[first.kind]} fill={color} stroke="var(--ground)" strokeWidth="0.5" />
        </svg>
      </button>
      <span className={isAtEnd ? `${styles.words} ${styles.atEnd}` : styles.words} aria-hidden="true">
        {words.map((one, index) => (
          <span key={index}>{one}</span>
        ))}
      </span>
    </li>
  );
}

function wordsOf({ kind, step, timeMs, title, text }: ChartEvent, run: string): string {
  const where = step === null ? formatMoment(timeMs) : `step ${formatCount(step)}`;
  return [`${kind} · ${run} · ${where}`, [title, text].filter(Boolean).join(": ")].filter(Boolean).join(" – ");
}
