/** The names of measured values: `_system/HOST/NAME` or `_system/HOST/NAME/INSTANCE`. */

export interface SystemName {
  /** The whole name, by which the series is asked. */
  key: string;
  host: string;
  name: string;
  /** A core, a mount point, a chip, a GPU; empty for the machine as a whole. */
  instance: string;
}

/** Null for what is no such name. A mount point keeps its slashes. */
export function parseSystemName(key: string): SystemName | null {
  const match = key.match(/^_system\/([^/]+)\/([^/]+)(?:\/(.*))?$/s);
  return match ? { key, host: match[1], name: match[2], instance: match[3] ?? "" } : null;
}

// Numbers within instances count as numbers: core 2 stands before core 10.
export const byInstance = new Intl.Collator("en", { numeric: true }).compare;
