/** The last values of each machine in a few words: what a person looks at first. */
import { formatMeasure, type Measure } from "../format/measure";
import type { SystemSamples } from "../api/types";
import { byInstance } from "./names";

export interface Tile {
  id: string;
  title: string;
  value: string;
  /** What belongs to it. */
  details: string[];
  /** 0 to 1, for the bar under it; null where there is no bound. */
  share: number | null;
}

export interface HostTiles {
  host: string;
  tiles: Tile[];
}

export const hostTiles = (samples: SystemSamples | undefined): HostTiles[] =>
  Object.entries(samples ?? {})
    .map(([host, values]) => ({ host, tiles: tilesOf(values) }))
    .filter(({ tiles }) => tiles.length > 0)
    .sort((a, b) => byInstance(a.host, b.host));

function tilesOf(values: Record<string, number | string>): Tile[] {
  // NaN and infinities come as texts: they are no values to show here.
  const get = (name: string): number | null => (typeof values[name] === "number" ? values[name] : null);
  const tiles: Tile[] = [];
  for (const gpu of instancesOf(values, "hw.gpu.utilization", "hw.gpu.memory.usage", "hw.gpu.power")) {
    const busy = get(`hw.gpu.utilization/${gpu}`);
    const used = get(`hw.gpu.memory.usage/${gpu}`);
    const heat = get(`hw.gpu.temperature/${gpu}`);
    const power = get(`hw.gpu.power/${gpu}`);
    tiles.push({
      id: `gpu ${gpu}`,
      title: `GPU ${gpu}`,
      value: busy !== null ? formatMeasure(busy, "share") : used !== null ? formatMeasure(used, "bytes") : "–",
      details: [
        busy !== null && used !== null ? ofLimit(used, get(`hw.gpu.memory.limit/${gpu}`), "bytes") : "",
        heat !== null ? formatMeasure(heat, "celsius") : "",
        power !== null ? ofLimit(power, get(`hw.gpu.power.limit/${gpu}`), "watt") : "",
      ].filter(Boolean),
      share: busy,
    });
  }
  const cpu = get("system.cpu.utilization");
  const load = get("system.cpu.load_average.1m");
  if (cpu !== null || load !== null) {
    tiles.push({
      id: "cpu",
      title: "CPU",
      value: cpu !== null ? formatMeasure(cpu, "share") : "–",
      details: load !== null ? [`load ${formatMeasure(load, "number")}`] : [],
      share: cpu,
    });
  }
  const memory = get("system.memory.usage");
  if (memory !== null) {
    const limit = get("system.memory.limit");
    tiles.push({
      id: "memory",
      title: "Memory",
      value: formatMeasure(memory, "bytes"),
      details: limit !== null ? [`of ${formatMeasure(limit, "bytes")}`] : [],
      share: get("system.memory.utilization") ?? (limit ? memory / limit : null),
    });
  }
  const cores = get("process.cpu.utilization");
  const own = get("process.memory.usage");
  if (cores !== null || own !== null) {
    tiles.push({
      id: "run",
      title: "This run",
      value: cores !== null ? `${formatMeasure(cores, "cores")} cores` : formatMeasure(own!, "bytes"),
      details: cores !== null && own !== null ? [formatMeasure(own, "bytes")] : [],
      share: get("process.cpu.limit.utilization"),
    });
  }
  const pair = (id: string, title: string, first: string, second: string, words: readonly [string, string]) => {
    const [a, b] = [get(first), get(second)];
    if (a === null && b === null) return;
    const write = (value: number | null) => (value === null ? "–" : formatMeasure(value, "byte_rate"));
    tiles.push({ id, title, value: write(a), details: [words[0], `${write(b)} ${words[1]}`], share: null });
  };
  pair("disk", "Disk", "system.disk.io.read_rate", "system.disk.io.write_rate", ["read", "written"]);
  pair("network", "Network", "system.network.io.receive_rate", "system.network.io.transmit_rate", ["received", "sent"]);
  return tiles;
}

/** `62.1 of 80 GiB`, where both are written in the same unit. */
export function ofLimit(used: number, limit: number | null, measure: Measure): string {
  const [words, bound] = [formatMeasure(used, measure), limit === null ? "" : formatMeasure(limit, measure)];
  if (bound === "") return words;
  const unit = bound.slice(bound.lastIndexOf(" "));
  return `${words.endsWith(unit) ? words.slice(0, -unit.length) : words} of ${bound}`;
}

function instancesOf(values: Record<string, unknown>, ...names: string[]): string[] {
  const found = new Set<string>();
  for (const key of Object.keys(values)) {
    for (const name of names) if (key.startsWith(`${name}/`)) found.add(key.slice(name.length + 1));
  }
  return [...found].sort(byInstance);
}
