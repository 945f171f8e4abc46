/** Chooses the ticks of an axis and writes their labels. */
import { type Measure, measureScale } from "../format/measure";
import { formatTick } from "../format/number";
import { formatClock, formatDate } from "../format/time";
import type { Scale } from "./scale";

export interface Tick {
  value: number;
  /** Empty for a minor tick, which has a line but no words. */
  label: string;
}

/** What the values of an axis are: plain numbers, whole counts, seconds since a start, or seconds since 1970. */
export type Unit = "number" | "count" | "duration" | "moment";

/** Steps of 1, 2 or 5 times a power of ten such that about `wanted` of them fit between `min` and `max`. */
export function niceStep(min: number, max: number, wanted: number): number {
  const rough = max / wanted - min / wanted || Number.MIN_VALUE;
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return (share < Math.SQRT2 ? 1 : share < Math.sqrt(10) ? 2 : share < Math.sqrt(50) ? 5 : 10) * power;
}

function multiplesOf(step: number, min: number, max: number): number[] {
  const values: number[] = [];
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  for (let index = first; index <= last && values.length < 100; index++) values.push(index * step || 0);
  return values;
}

export function linearTicks(min: number, max: number, wanted: number, unit: Unit = "number", base = 0n): Tick[] {
  if (unit === "duration" || unit === "moment") return timeTicks(min, max, wanted, unit);
  let step = niceStep(min, max, wanted);
  if (unit === "count") step = Math.max(1, step);
  const label =
    base === 0n
      ? (value: number) => formatTick(value, step)
      : (value: number) => (base + BigInt(Math.round(value))).toString();
  return multiplesOf(step, min, max).map((value) => ({ value, label: label(value) }));
}

/** Powers of ten with words, and 2 to 9 times them without; all nine with words where fewer than two powers fit. */
export function logTicks(min: number, max: number, wanted: number): Tick[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.ceil(Math.log10(max));
  const within = (value: number) => value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9);
  const major = [];
  for (let power = first; power <= last; power++) if (within(10 ** power)) major.push(power);
  if (major.length < 2 && max / min < 20) {
    // Less than about a decade in view: evenly spaced words tell more than a lone power of ten.
    const plain = linearTicks(min, max, wanted).filter((tick) => tick.value > 0);
    if (plain.length >= 2) return plain;
  }
  const everyPower = Math.max(1, Math.ceil(major.length / Math.max(1, wanted)));
  const ticks: Tick[] = [];
  for (let power = first; power <= last && ticks.length < 400; power++) {
    const isNamed = power % everyPower === 0;
    for (let digit = 1; digit < 10; digit++) {
      const value = digit * 10 ** power;
      if (!within(value)) continue;
      if (digit === 1) ticks.push({ value, label: isNamed ? powerLabel(power) : "" });
      else if (everyPower === 1) {
        ticks.push({
          value,
          label: major.length < 2 && (digit === 2 || digit === 5) ? formatTick(value, 10 ** power) : "",
        });
      }
    }
  }
  return ticks;
}

const powerLabel = (power: number) =>
  power >= -3 && power <= 3 ? formatTick(10 ** power, 10 ** power) : `1e${power}`.replace("-", "−");

const TIME_STEPS_SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600,
  2592000,
];

function timeTicks(min: number, max: number, wanted: number, unit: "duration" | "moment"): Tick[] {
  const rough = (max - min) / wanted;
  const step =
    rough < 1
      ? niceStep(min, max, wanted)
      : (TIME_STEPS_SECONDS.find((one) => one >= rough) ?? niceStep(min, max, wanted));
  if (unit === "duration")
    return multiplesOf(step, min, max).map((value) => ({ value, label: durationLabel(value, step) }));
  // Local midnights and hours are round where the zone's offset has been taken out.
  const zone = new Date(min * 1000).getTimezoneOffset() * 60;
  return multiplesOf(step, min - zone, max - zone).map((local) => {
    const value = local + zone;
    return { value, label: momentLabel(value, step) };
  });
}

function durationLabel(seconds: number, step: number): string {
  if (seconds === 0) return "0";
  if (step < 1) return `${formatTick(seconds, step)}s`;
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor((whole % 86400) / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "m"],
    [whole % 60, "s"],
  ];
  const words = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`);
  return sign + words.slice(0, 2).join(" ");
}

function momentLabel(seconds: number, step: number): string {
  const milliseconds = seconds * 1000;
  if (step >= 86400) return formatDate(milliseconds).slice(5);
  const time = formatClock(milliseconds);
  if (time === "00:00:00") return formatDate(milliseconds).slice(5);
  if (step < 1) return `${time}.${String(Math.round(milliseconds % 1000)).padStart(3, "0")}`;
  return step < 60 ? time : time.slice(0, 5);
}

/** Ticks of measured values: round in the unit they are written in, which are seldom round numbers themselves. */
export function measureTicks(min: number, max: number, wanted: number, measure: Measure): Tick[] {
  const { divisor, suffix } = measureScale(measure, Math.max(Math.abs(min), Math.abs(max)));
  const unit = measure === "count" || measure === "flag" ? "count" : "number";
  return linearTicks(min / divisor, max / divisor, wanted, unit).map(({ value, label }) => ({
    value: value * divisor,
    label: value === 0 ? label : label + suffix,
  }));
}

/** The ticks of a scale with room for about `wanted` labels. */
export function ticksOf(scale: Scale, wanted: number, unit: Unit = "number", base = 0n): Tick[] {
  return scale.kind === "log"
    ? logTicks(scale.min, scale.max, wanted)
    : linearTicks(scale.min, scale.max, wanted, unit, base);
}
