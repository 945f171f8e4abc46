/** Says how the upload of the store stands: a few words for the frame of the page, and all of it for whoever wants to know. */
import type { Upload } from "../api/types";
import { formatMeasure } from "../format/measure";
import { plural } from "../format/number";
import { formatDuration } from "../format/time";

/** "settled": all is in the bucket, but for what has come just now. */
export type UploadTone = "settled" | "sending" | "waiting" | "stopped";

// A run that is written has something on its way every few seconds. The mark says so only when that is much or takes long.
const SETTLED_LAG_SECONDS = 5;
const SETTLED_BYTES = 1 << 20;

const bytes = (size: number) => formatMeasure(size, "bytes");
const seconds = (length: number) => formatDuration(1000 * length);

const filesOf = (status: Upload["status"]) =>
  `${plural(status.pending_file_count, "file")}, ${bytes(status.pending_bytes)}`;

/** How the upload is to be shown; null where nothing is uploaded. */
export function uploadTone({ status }: Upload): UploadTone | null {
  switch (status.state) {
    case "off":
      // A page that shows a bucket has no upload of its own, and the sentence says why it cannot follow that bucket.
      return status.sentence ? "waiting" : null;
    case "idle":
      return "settled";
    case "sending":
      return status.lag_seconds < SETTLED_LAG_SECONDS && status.pending_bytes < SETTLED_BYTES ? "settled" : "sending";
    default:
      return status.state;
  }
}

/** A few words; of a stopped upload the sentence that says why. */
export function uploadWords({ settings, status }: Upload, tone: UploadTone): string {
  // How much waits is not known before it was looked at.
  const files = status.pending_file_count > 0 ? ` ${filesOf(status)}` : "";
  switch (tone) {
    case "settled":
      return `in ${settings.url}`;
    case "sending":
      return `sending${files}`;
    case "waiting":
      if (!settings.url) return "the bucket cannot be read";
      return `upload waits${files && ","}${files}`;
    case "stopped":
      return `upload stopped: ${status.sentence}`;
  }
}

/** All there is to say, as names and values. */
export function uploadFacts({ settings, status }: Upload): [name: string, value: string][] {
  if (!settings.url) return [];
  const facts: [string, string][] = [["Bucket", settings.url]];
  if (settings.endpoint_url) facts.push(["Server", settings.endpoint_url]);
  if (status.pending_run_count > 0) {
    const runs = plural(status.pending_run_count, "run");
    facts.push(["Waiting", status.pending_file_count > 0 ? `${runs}, ${filesOf(status)}` : runs]);
    facts.push(["Behind", seconds(status.lag_seconds)]);
  } else {
    facts.push(["Waiting", "nothing"]);
  }
  if (status.retry_seconds > 0) facts.push(["Next attempt", `in ${seconds(status.retry_seconds)}`]);
  facts.push([
    "Sent",
    `${plural(status.sent_file_count, "file")}, ${bytes(status.sent_bytes)} since the daemon started`,
  ]);
  return facts;
}
