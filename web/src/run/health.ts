/** Says in words what of a run's data did not come in as it was sent. */
import type { IngestHealth } from "../api/types";
import { plural } from "../format/number";

export function healthSentences(health: IngestHealth | null | undefined): string[] {
  if (!health) return [];
  const sentences: string[] = [];
  if (health.late_row_count > 0)
    sentences.push(`${plural(health.late_row_count, "row")} came late and stand in their place.`);
  if (health.dropped_late_row_count > 0) {
    sentences.push(`${plural(health.dropped_late_row_count, "row")} came for steps already passed and were dropped.`);
  }
  if (health.refused_count > 0)
    sentences.push(`${plural(health.refused_count, "record was", "records were")} refused.`);
  if (health.damaged_record_count > 0) {
    sentences.push(`${plural(health.damaged_record_count, "record was", "records were")} found damaged on disk.`);
  }
  if (health.message) sentences.push(health.message);
  return sentences;
}
