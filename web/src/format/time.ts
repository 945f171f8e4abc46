/** Writes times and durations for people. All functions are pure: the present is given by the caller. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number) => String(value).padStart(2, "0");

/** How long something took: `0.8 s`, `42 s`, `3 m 07 s`, `2 h 05 m`, `3 d 4 h`. */
export function formatDuration(milliseconds: number): string {
  const length = Math.max(0, milliseconds);
  if (length < 10 * SECOND) return `${(Math.floor(length / 100) / 10).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} m ${two(Math.floor((length % MINUTE) / SECOND))} s`;
  if (length < DAY) return `${Math.floor(length / HOUR)} h ${two(Math.floor((length % HOUR) / MINUTE))} m`;
  return `${Math.floor(length / DAY)} d ${Math.floor((length % DAY) / HOUR)} h`;
}

/** How long ago: `just now`, `5 min ago`, `3 h ago`, `2 days ago`, and a date past a month. */
export function formatAgo(unixMs: number, nowMs: number): string {
  const passed = nowMs - unixMs;
  if (passed < 10 * SECOND) return "just now";
  if (passed < MINUTE) return `${Math.floor(passed / SECOND)} s ago`;
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h ago`;
  const days = Math.floor(passed / DAY);
  if (days <= 31) return `${days} ${days === 1 ? "day" : "days"} ago`;
  return formatDate(unixMs);
}

const calendar = (date: Date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const clock = (date: Date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** The local calendar day: `2026-11-21`. */
export const formatDate = (unixMs: number): string => calendar(new Date(unixMs));

/** The exact local time: `2026-11-21 09:42:38`. */
export function formatMoment(unixMs: number): string {
  const date = new Date(unixMs);
  return `${calendar(date)} ${clock(date)}`;
}

/** The local time of day: `09:42:38`. */
export const formatClock = (unixMs: number): string => clock(new Date(unixMs));
