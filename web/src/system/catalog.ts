/** What the measured values of docs/system_metrics.md are called, measured in, and drawn with. */
import type { Measure } from "../format/measure";

export const SECTIONS = ["GPU", "CPU", "Memory", "Disk", "Network", "Process", "Other"] as const;
export type SystemSection = (typeof SECTIONS)[number];

export interface ChartKind {
  section: SystemSection;
  title: string;
  measure: Measure;
  /** The values drawn in it, in order: each name with what its lines are called beside those of the others. */
  names: readonly (readonly [name: string, part: string])[];
  /** What one instance is called: `GPU 0`. */
  instance?: string;
  /** Whether the charts of instances and of the whole are two. */
  isSplit?: boolean;
}

const gpu = (title: string, measure: Measure, names: ChartKind["names"]): ChartKind => ({
  section: "GPU",
  title,
  measure,
  names,
  instance: "GPU",
});

/** In the order in which they stand in their sections. */
export const CHART_KINDS: readonly ChartKind[] = [
  gpu("GPU utilization", "share", [["hw.gpu.utilization", ""]]),
  gpu("GPU memory in use", "bytes", [["hw.gpu.memory.usage", ""]]),
  gpu("GPU memory utilization", "share", [["hw.gpu.memory.utilization", ""]]),
  gpu("GPU power", "watt", [["hw.gpu.power", ""]]),
  gpu("GPU temperature", "celsius", [["hw.gpu.temperature", ""]]),
  gpu("GPU memory controller", "share", [["hw.gpu.memory.controller.utilization", ""]]),
  gpu("GPU clock", "hertz", [["hw.gpu.clock.graphics", ""]]),
  gpu("GPU memory clock", "hertz", [["hw.gpu.clock.memory", ""]]),
  gpu("GPU bus (PCIe)", "byte_rate", [
    ["hw.gpu.io.receive_rate", "in"],
    ["hw.gpu.io.transmit_rate", "out"],
  ]),
  gpu("NVLink", "byte_rate", [
    ["hw.gpu.nvlink.receive_rate", "in"],
    ["hw.gpu.nvlink.transmit_rate", "out"],
  ]),
  gpu("GPU slowed down", "flag", [
    ["hw.gpu.throttle.power", "for power"],
    ["hw.gpu.throttle.thermal", "for heat"],
  ]),
  gpu("GPU memory errors", "count", [["hw.gpu.errors.uncorrected", ""]]),

  {
    section: "CPU",
    title: "CPU utilization",
    measure: "share",
    names: [["system.cpu.utilization", ""]],
    instance: "core",
    isSplit: true,
  },
  {
    section: "CPU",
    title: "Load average",
    measure: "number",
    names: [
      ["system.cpu.load_average.1m", "1 min"],
      ["system.cpu.load_average.5m", "5 min"],
      ["system.cpu.load_average.15m", "15 min"],
    ],
  },
  { section: "CPU", title: "Temperature", measure: "celsius", names: [["hw.temperature", ""]], instance: "" },

  {
    section: "Memory",
    title: "Memory in use",
    measure: "bytes",
    names: [
      ["system.memory.usage", "in use"],
      ["system.memory.limit", "limit"],
    ],
  },
  { section: "Memory", title: "Memory utilization", measure: "share", names: [["system.memory.utilization", ""]] },
  { section: "Memory", title: "Swap in use", measure: "bytes", names: [["system.paging.usage", ""]] },
  { section: "Memory", title: "Swap utilization", measure: "share", names: [["system.paging.utilization", ""]] },

  {
    section: "Disk",
    title: "Disk throughput",
    measure: "byte_rate",
    names: [
      ["system.disk.io.read_rate", "read"],
      ["system.disk.io.write_rate", "written"],
    ],
  },
  {
    section: "Disk",
    title: "File systems in use",
    measure: "bytes",
    names: [["system.filesystem.usage", ""]],
    instance: "",
  },
  {
    section: "Disk",
    title: "File systems utilization",
    measure: "share",
    names: [["system.filesystem.utilization", ""]],
    instance: "",
  },

  {
    section: "Network",
    title: "Network throughput",
    measure: "byte_rate",
    names: [
      ["system.network.io.receive_rate", "received"],
      ["system.network.io.transmit_rate", "sent"],
    ],
  },

  {
    section: "Process",
    title: "CPU of the run",
    measure: "cores",
    names: [
      ["process.cpu.utilization", "cores in use"],
      ["process.cpu.limit", "limit"],
    ],
  },
  {
    section: "Process",
    title: "CPU of the run, of its limit",
    measure: "share",
    names: [["process.cpu.limit.utilization", ""]],
  },
  { section: "Process", title: "CPU throttled", measure: "share", names: [["process.cpu.throttled", ""]] },
  {
    section: "Process",
    title: "Memory of the run",
    measure: "bytes",
    names: [
      ["process.memory.usage", "in use"],
      ["process.memory.limit", "limit"],
    ],
  },
  {
    section: "Process",
    title: "Memory of the run, of its limit",
    measure: "share",
    names: [["process.memory.utilization", ""]],
  },
  {
    section: "Process",
    title: "GPU memory of the run",
    measure: "bytes",
    names: [["process.gpu.memory.usage", ""]],
    instance: "GPU",
  },
  {
    section: "Process",
    title: "GPU time of the run",
    measure: "share",
    names: [["process.gpu.utilization", ""]],
    instance: "GPU",
  },
  {
    section: "Process",
    title: "Disk throughput of the run",
    measure: "byte_rate",
    names: [
      ["process.disk.io.read_rate", "read"],
      ["process.disk.io.write_rate", "written"],
    ],
  },
  {
    section: "Process",
    title: "Processes and threads",
    measure: "count",
    names: [
      ["process.count", "processes"],
      ["process.thread.count", "threads"],
    ],
  },
  {
    section: "Process",
    title: "Open file descriptors",
    measure: "count",
    names: [["process.open_file_descriptor.count", ""]],
  },
];

/** Limits of a card never change: they stand in its tile, and a chart of each would say nothing. */
export const UNDRAWN: ReadonlySet<string> = new Set(["hw.gpu.memory.limit", "hw.gpu.power.limit"]);

/** What a value that is not in the catalogue is measured in, by the end of its name. */
export function measureOf(name: string): Measure {
  if (/\.utilization$/.test(name)) return "share";
  if (/_rate$/.test(name)) return "byte_rate";
  if (/(memory|paging|filesystem)\.(usage|limit)$/.test(name)) return "bytes";
  if (/temperature$/.test(name)) return "celsius";
  if (/\.power(\.limit)?$/.test(name)) return "watt";
  if (/\.count$/.test(name)) return "count";
  return "number";
}

const OTHER_SECTIONS: readonly [RegExp, SystemSection][] = [
  [/^hw\.gpu\./, "GPU"],
  [/^system\.cpu\./, "CPU"],
  [/^system\.(memory|paging)\./, "Memory"],
  [/^system\.(disk|filesystem)\./, "Disk"],
  [/^system\.network\./, "Network"],
  [/^process\./, "Process"],
];

export const sectionOf = (name: string): SystemSection =>
  OTHER_SECTIONS.find(([pattern]) => pattern.test(name))?.[1] ?? "Other";
