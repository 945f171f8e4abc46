/** Says in words what of a run's data did not come in as it was sent, and whether all is well. */
import type { WholeRun } from "../api/types";
import { plural } from "../format/number";

export interface Verdict {
  sentence: string;
  isWell: boolean;
}

/** The one sentence that a person looks for: is anything lost, and why. */
export function verdictOf(
  run: Pick<WholeRun, "ingest_health" | "state" | "stalled" | "durable_step" | "next_step">,
): Verdict {
  const { ingest_health: health } = run;
  const lost: string[] = [];
  if (health) {
    if (health.dropped_late_row_count > 0)
      lost.push(`${plural(health.dropped_late_row_count, "row was", "rows were")} dropped because they came late`);
    if (health.refused_count > 0) lost.push(`${plural(health.refused_count, "record was", "records were")} refused`);
    if (health.damaged_record_count > 0)
      lost.push(`${plural(health.damaged_record_count, "record was", "records were")} damaged on disk`);
  }
  if (lost.length > 0) return { sentence: `Not every row that was sent is stored: ${joined(lost)}.`, isWell: false };
  if (health?.message) return { sentence: health.message, isWell: false };
  if (run.state === "running" && run.stalled)
    return { sentence: "Every row that was sent is stored, and the run has been silent for long.", isWell: false };
  const late =
    health && health.late_row_count > 0
      ? ` ${plural(health.late_row_count, "row")} came late and stand in their place.`
      : "";
  return { sentence: `Every row that was sent is stored.${late}`, isWell: true };
}

const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
