/** Says how much of a run is in the bucket that its store is uploaded to. */
import type { Run, Upload } from "../api/types";
import { formatCount } from "../format/number";
import { formatDuration } from "../format/time";

// A change waits for up to this long before anything is sent: that is no delay worth a word.
const USUAL_LAG_SECONDS = 5;

/** "to step 1,200 of 1,250", and for how long the upload has been behind; null where nothing is uploaded. */
export function syncedWords(run: Pick<Run, "synced_step" | "next_step">, upload: Upload | undefined): string | null {
  if (!upload?.settings.url) return null;
  if (run.synced_step === null || run.synced_step === undefined) return "nothing yet";
  if (run.synced_step >= run.next_step) return `all, to step ${formatCount(run.next_step)}`;
  const words = `to step ${formatCount(run.synced_step)} of ${formatCount(run.next_step)}`;
  const lag = upload.status.lag_seconds;
  return lag >= USUAL_LAG_SECONDS ? `${words}, ${formatDuration(1000 * lag)} behind` : words;
}
