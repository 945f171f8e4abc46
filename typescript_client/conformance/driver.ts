/** The TypeScript client's driver: takes actions as JSON lines on stdin, does them, and answers each with a line on stdout. */

import { once } from "node:events";
import { createInterface } from "node:readline";
import {
  Histogram,
  Image,
  type InitOptions,
  type MetricOptions,
  Object3D,
  type RowOptions,
  type Run,
  Table,
  TimeoutError,
  UsageError,
  init,
} from "trackd";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Action = { do: string } & Record<string, Json>;

const FINISH_TIMEOUT_SECONDS = 20;
let run: Run | undefined;

/** Returns what a case writes as the client's own value. */
function value(given: Json | undefined): unknown {
  if (typeof given === "number") return Number.isInteger(given) ? BigInt(given) : given;
  if (Array.isArray(given)) return given.map(value);
  if (typeof given !== "object" || given === null) return given;
  switch (given["$"]) {
    case undefined:
      return Object.fromEntries(Object.entries(given).map(([key, each]) => [key, value(each)]));
    case "float":
      return float(given["value"] as string | number);
    case "int":
      return BigInt(given["value"] as string);
    case "image":
      return image(given["shape"] as number[], given["pixels"] as number[] | undefined, given["fill"] as number);
    case "histogram":
      return new Histogram(given["values"] as number[], { binCount: given["bins"] as number });
    case "table":
      return new Table(given["columns"] as string[], value(given["rows"]) as unknown[][]);
    case "object3d":
      return new Object3D(given["points"] as number[][]);
    default:
      throw new Error(`no value is called ${JSON.stringify(given["$"])}`);
  }
}

function image(shape: number[], pixels: number[] | undefined, fill: number): Image {
  const length = shape.reduce((product, axis) => product * axis, 1);
  return new Image(pixels === undefined ? new Uint8Array(length).fill(fill) : Uint8Array.from(pixels), { shape });
}

function float(given: string | number): number {
  const named: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  return named[given] ?? Number(given);
}

function record(given: Json | undefined): Record<string, unknown> {
  return value(given) as Record<string, unknown>;
}

/** Does one action. */
async function act({ do: name, ...action }: Action): Promise<void> {
  if (name === "init") {
    const { config, job_type: jobType, ...others } = action;
    run = init({
      ...(others as InitOptions),
      ...(config === undefined ? {} : { config: record(config) }),
      ...(jobType === undefined ? {} : { jobType: jobType as string }),
      startDaemon: false,
      quiet: true,
      finishTimeoutSeconds: FINISH_TIMEOUT_SECONDS,
    });
    return;
  }
  if (run === undefined) throw new Error("init comes first");
  if (name === "log") {
    const { step, commit } = action as RowOptions;
    run.log(record(action["data"]), { step, commit });
  } else if (name === "log_many") {
    logMany(run, action["key"] as string, action["count"] as number, action["alternate"] === true);
  } else if (name === "config" || name === "summary") {
    run[name].update(record(action["set"]));
  } else if (name === "define_metric") {
    const { name: metric, step_metric: stepMetric, ...others } = action;
    run.defineMetric(metric as string, { ...others, stepMetric } as MetricOptions);
  } else if (name === "alert") {
    const { title, ...others } = action;
    run.alert(title as string, others);
  } else if (name === "console") {
    run.console(action["text"] as string, action["stream"] as "stdout" | "stderr");
  } else if (name === "flush") {
    await run.flush({ timeoutSeconds: (action["timeout_seconds"] as number | undefined) ?? FINISH_TIMEOUT_SECONDS });
  } else if (name === "finish") {
    await run.finish({ exitCode: action["exit_code"] as number | undefined });
  } else {
    throw new Error(`no action is called ${JSON.stringify(name)}`);
  }
}

function logMany(open: Run, key: string, count: number, isAlternating: boolean): void {
  for (let number = 0n; number < count; number++) {
    if (isAlternating && number % 2n === 1n) open.log({ [key]: number, [`${key}_odd`]: true });
    else open.log({ [key]: number });
  }
}

function kindOf(error: unknown): "usage" | "timeout" | "value" {
  if (error instanceof UsageError) return "usage";
  return error instanceof TimeoutError ? "timeout" : "value";
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer: unknown = { ok: true };
  try {
    await act(JSON.parse(line) as Action);
  } catch (error) {
    answer = { error: { kind: kindOf(error), message: error instanceof Error ? error.message : String(error) } };
  }
  if (!process.stdout.write(`${JSON.stringify(answer)}\n`)) await once(process.stdout, "drain");
}
