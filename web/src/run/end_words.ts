/** Why a run ended as it did, in the order in which a person asks: what was thrown, what ended it, since when it is silent. */
import type { WholeRun } from "../api/types";
import { signalName } from "./signal_name";

/** The last line of a traceback says what was thrown; a stack that was taken from outside says nothing of the kind. */
export function lastWords({ traceback }: Pick<WholeRun, "traceback">): string {
  const lines = traceback.split("\n").filter((line) => line.trim() !== "");
  const last = lines.at(-1) ?? "";
  // A frame of the stack is indented, the exception is not.
  return /^\s/.test(last) ? "" : last;
}

/**
 * The last lines of a console without the traceback at their end, which stands above them.
 *
 * @param texts the lines, the last one last.
 */
export function linesBefore(texts: readonly string[], traceback: string): number {
  const trace = traceback.split("\n").filter((line) => line.trim() !== "");
  let count = texts.length;
  let place = trace.length;
  while (
    count > 0 &&
    place > 0 &&
    (texts[count - 1].trim() === "" || texts[count - 1].trimEnd() === trace[place - 1].trimEnd())
  ) {
    if (texts[count - 1].trim() !== "") place--;
    count--;
  }
  return place === 0 && trace.length > 0 ? count : texts.length;
}

export interface Ending {
  /** One sentence: the first thing that is read. */
  sentence: string;
  /** `exit code 1`, `signal SIGKILL (9)`. */
  facts: string[];
  isBad: boolean;
}

type Ended = Pick<WholeRun, "state" | "stalled" | "traceback" | "end_reason" | "exit_code" | "signal">;

const SENTENCES: Partial<Record<WholeRun["state"], string>> = {
  failed: "The run failed without saying why.",
  killed: "The run was ended from outside.",
  crashed: "The run is gone without a word: its process ended, and nobody said how.",
  preempted: "The scheduler ended the run, to start it again.",
};

/** Null for a run that goes on as it should, or that has ended well. */
export function endingOf(run: Ended): Ending | null {
  const isSilent = run.state === "running" && (run.stalled ?? false);
  if (run.state === "finished" || (run.state === "running" && !isSilent)) return null;
  const facts: string[] = [];
  if (run.exit_code !== null && run.exit_code !== undefined) facts.push(`exit code ${run.exit_code}`);
  if (run.signal) facts.push(`signal ${signalName(run.signal)}`);
  const reason = lastWords(run) || capitalised(run.end_reason ?? "");
  const sentence =
    reason ||
    (isSilent
      ? "The run is at work and has been silent for long."
      : run.state === "failed" && run.exit_code
        ? `The program ended with exit code ${run.exit_code}.`
        : (SENTENCES[run.state] ?? "The run has ended."));
  return { sentence, facts, isBad: run.state === "failed" || run.state === "crashed" };
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
