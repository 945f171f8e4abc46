/** Times as people say them, with the exact one on hover. */
import { formatAgo, formatClock, formatDate, formatDuration, formatMoment } from "../format/time";
import { useNow } from "./use_now";

export function Ago({ unixMs }: { unixMs: number }) {
  const now = useNow(true);
  return (
    <time dateTime={new Date(unixMs).toISOString()} title={formatMoment(unixMs)}>
      {formatAgo(unixMs, now)}
    </time>
  );
}

/** The time of day something began; with the day where that is not today. */
export function Since({ unixMs }: { unixMs: number }) {
  const isToday = formatDate(unixMs) === formatDate(useNow(false));
  return (
    <time dateTime={new Date(unixMs).toISOString()} title={formatMoment(unixMs)}>
      {isToday ? formatClock(unixMs) : formatMoment(unixMs)}
    </time>
  );
}

/** A length of time that grows while `isGrowing`. */
export function Elapsed({ fromMs, toMs, isGrowing }: { fromMs: number; toMs: number; isGrowing: boolean }) {
  const now = useNow(isGrowing);
  return <span title={`since ${formatMoment(fromMs)}`}>{formatDuration((isGrowing ? now : toMs) - fromMs)}</span>;
}
