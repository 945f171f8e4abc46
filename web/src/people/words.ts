/** What is said of keys, users and sign-ins. Pure: the present is given by the caller. */
import type { ApiKey, Scope, User } from "../api/people";
import { own } from "../data/own";
import { plural } from "../format/number";
import { formatAgo } from "../format/time";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const SCOPE_WORDS: Record<Scope, string> = {
  write: "send and read runs",
  read: "read runs",
  admin: "all that you may do",
};

export const LIFETIMES_DAYS: readonly (number | null)[] = [7, 30, 90, 365, null];

export const lifetimeWords = (days: number | null): string =>
  days === null ? "for ever" : days === 365 ? "1 year" : plural(days, "day");

/** Why a key is of no use any more; null for one that is. */
export function keyEnd(key: ApiKey, nowMs: number): string | null {
  if (key.revoke_time_unix_ms !== null) return `revoked ${formatAgo(key.revoke_time_unix_ms, nowMs)}`;
  if (key.expire_time_unix_ms !== null && key.expire_time_unix_ms <= nowMs) {
    return `expired ${formatAgo(key.expire_time_unix_ms, nowMs)}`;
  }
  return null;
}

export function expiryWords(expireMs: number | null, nowMs: number): string {
  if (expireMs === null) return "never expires";
  const left = expireMs - nowMs;
  if (left < HOUR) return "expires within the hour";
  if (left < 2 * DAY) return `expires in ${Math.floor(left / HOUR)} h`;
  return `expires in ${Math.floor(left / DAY)} days`;
}

export const lastUseWords = (useMs: number | null, nowMs: number): string =>
  useMs === null ? "never used" : `used ${formatAgo(useMs, nowMs)}`;

/** How a user comes in. */
export function waysInWords(user: User): string {
  if (user.issuer !== null) return `by ${user.issuer}`;
  return user.has_password ? "by password" : "no way in but keys";
}

const PROBLEMS: Readonly<Record<string, string>> = {
  expired: "This sign-in took too long, or was begun in another tab. Try again.",
  refused: "The other site has refused. Try again, or ask whoever looks after it.",
  provider:
    "The other site could not be asked, or its answer cannot be trusted. A server admin finds why in the server's log.",
  unknown: "You are known there, and no user of this server is you. Ask a server admin: the audit has what they need.",
  domain: "Your e-mail address there is of none of the domains whose people may come in. Ask a server admin.",
};

/** The sentence of a sign-in that failed at another site; the address names it. */
export const problemWords = (name: string | null): string | null =>
  name === null ? null : (own(PROBLEMS, name) ?? "You were not signed in. Try again.");

const NAME = "sign_in_problem";

/** The problem that an address names, and the address without it. */
export function takeProblem(search: string): { problem: string | null; search: string } {
  const query = new URLSearchParams(search);
  const problem = query.get(NAME);
  if (problem === null) return { problem, search };
  const rest = search
    .slice(1)
    .split("&")
    .filter((one) => !one.startsWith(`${NAME}=`));
  return { problem, search: rest.length > 0 ? `?${rest.join("&")}` : "" };
}
