/**
 * How a person wants all pages of trackd to look, kept in cookies: the daemon writes them into the page that it serves, as attributes of
 * its root, so that the first thing on the screen looks as chosen. The attributes are what holds while the page is open.
 */
const AGE_SECONDS = 365 * 86_400;
const listeners = new Set<() => void>();

export interface Preference<Value extends string> {
  /** The attribute of the root: `data-NAME`; the cookie is `trackd_NAME`. */
  name: string;
  values: readonly Value[];
}

/** What was chosen, or null where nothing was. */
export function chosen<Value extends string>({ name, values }: Preference<Value>): Value | null {
  return values.find((value) => value === document.documentElement.dataset[name]) ?? null;
}

/** Chooses; null for what is usual. */
export function choose<Value extends string>({ name }: Preference<Value>, value: Value | null): void {
  if (value === null) delete document.documentElement.dataset[name];
  else document.documentElement.dataset[name] = value;
  document.cookie = `trackd_${name}=${value ?? ""}; path=/; samesite=strict; max-age=${value === null ? 0 : AGE_SECONDS}`;
  tell();
}

/** Reads the cookie where the page was not served by the daemon: while it is developed. */
export function restore<Value extends string>(preference: Preference<Value>): void {
  const { name, values } = preference;
  const stored = document.cookie.match(new RegExp(`(?:^|; )trackd_${name}=([^;]*)`))?.[1];
  const value = values.find((one) => one === stored);
  if (value) document.documentElement.dataset[name] = value;
}

export function tell(): void {
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
