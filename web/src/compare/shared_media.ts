/** The media that several runs have logged under one name. Pure. */
import { isRecordKind } from "../api/records";
import type { RunMetric } from "../api/types";
import type { MediaMetric } from "../panel/shown_run";

/** Those of at least two runs, images first. */
export function sharedMedia(metrics: readonly (readonly RunMetric[])[]): MediaMetric[] {
  const found = new Map<string, MediaMetric>();
  for (const listed of metrics) {
    for (const { name: key, kind } of listed) {
      if (!isRecordKind(kind)) continue;
      const id = `${kind}:${key}`;
      const known = found.get(id);
      if (known) known.runCount++;
      else found.set(id, { key, kind, runCount: 1, otherKinds: [] });
    }
  }
  const shared = [...found.values()].filter(({ runCount }) => runCount > 1);
  const rank = ({ kind }: MediaMetric) => (kind === "image" ? 0 : 1);
  return shared.sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1));
}
