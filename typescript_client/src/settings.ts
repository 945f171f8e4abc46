/**
 * Owns what a person can set: the options of `init`, the environment variables behind them, and their limits.
 *
 * Only this module reads the environment. Every `TRACKD_X` has the `WANDB_X` of existing scripts as its fallback, but
 * for the store, the address and the token.
 */

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { randomInt } from "node:crypto";
import { UsageError } from "./errors.js";

/** What a run does with what is logged: see {@link InitOptions.mode}. */
export type Mode = "online" | "shared" | "disabled";

/** What `init` takes. Everything has a default. */
export interface InitOptions {
  /** The project, 1 to 128 characters. Default: `TRACKD_PROJECT`, the git repository's folder, or "uncategorized". */
  readonly project?: string | undefined;
  /** The run's id in the project, 1 to 128 characters. Default: `TRACKD_RUN_ID`, or 8 random letters and digits. */
  readonly id?: string | undefined;
  /** The name to show. Default: `TRACKD_NAME`; without one the id is shown. */
  readonly name?: string | undefined;
  /** The settings of the experiment. A number that is a safe integer is an integer; nested objects stay nested. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Tags of 1 to 64 characters each. Default: `TRACKD_TAGS`, separated by commas. */
  readonly tags?: readonly string[] | undefined;
  /** A name that several runs share. Default: `TRACKD_RUN_GROUP`. */
  readonly group?: string | undefined;
  /** What kind of run it is, for example "train". Default: `TRACKD_JOB_TYPE`. */
  readonly jobType?: string | undefined;
  /** Longer words about the run. Default: `TRACKD_NOTES`. */
  readonly notes?: string | undefined;
  /** A label of this process in the run. Default: `TRACKD_LABEL`, or "rank N" in a distributed job. */
  readonly label?: string | undefined;
  /**
   * "online" (default); "shared", where several equal processes write one run, which ends with the last of them; or
   * "disabled", where every call checks its arguments and does nothing else. `TRACKD_MODE`.
   */
  readonly mode?: Mode | undefined;
  /** The store's folder. Default: `TRACKD_STORE`, or `trackd` in `XDG_STATE_HOME`, or `~/.local/state/trackd`. */
  readonly store?: string | undefined;
  /** The address of a daemon elsewhere, `host:port` or `unix:/path`, instead of the store's. `TRACKD_GRPC_ADDRESS`. */
  readonly address?: string | undefined;
  /** The token for that address. `TRACKD_TOKEN`. */
  readonly token?: string | undefined;
  /** Whether a daemon is started when none is there; never with an `address`. Default: true. */
  readonly startDaemon?: boolean | undefined;
  /** How long `finish` may take, in seconds. Default: 30. */
  readonly finishTimeoutSeconds?: number | undefined;
  /** How much may wait in memory, in bytes; what is logged beyond it is dropped and counted. Default: 256 MiB. */
  readonly bufferBytesMax?: number | undefined;
  /** Whether the lines at start and end are left out; warnings stay. Default: `TRACKD_QUIET`. */
  readonly quiet?: boolean | undefined;
  /** Hears each warning as one sentence, at any moment. Default: a line `trackd: …` on stderr. */
  readonly onWarning?: ((sentence: string) => void) | undefined;
}

/** The settings of a run, with every default filled in. */
export interface Settings {
  readonly project: string;
  readonly id: string;
  readonly name: string | undefined;
  readonly tags: readonly string[];
  readonly group: string | undefined;
  readonly jobType: string | undefined;
  readonly notes: string | undefined;
  readonly label: string;
  /** What this machine is called. */
  readonly host: string;
  readonly mode: Mode;
  readonly store: string;
  readonly address: string | undefined;
  readonly token: string;
  readonly startDaemon: boolean;
  readonly finishTimeoutSeconds: number;
  readonly bufferBytesMax: number;
  readonly quiet: boolean;
  readonly captures: readonly string[];
  readonly onWarning: ((sentence: string) => void) | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAME_CHARACTERS_MAX = 128;
const TAG_CHARACTERS_MAX = 64;
const FINISH_TIMEOUT_SECONDS = 30;
const BUFFER_BYTES_MAX = 256 * 1024 * 1024;
const PROJECT_FORBIDDEN = "/\\#?%:";
const ID_FORBIDDEN = "/\\#?%:;,";
const ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 8;
const MODES: readonly string[] = ["online", "shared", "disabled"];
const MODE_NAMES: Readonly<Record<string, string>> = { run: "online", dryrun: "offline" }; // of older scripts
const CAPTURES: readonly string[] = ["git", "diff", "packages", "program"];
const RANKS = ["RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"];
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Returns the settings of a run; throws UsageError for an option that cannot be. */
export function readSettings(options: InitOptions, environment: Environment = process.env): Settings {
  const variable = (name: string): string | undefined =>
    environment[`TRACKD_${name}`] || environment[`WANDB_${name}`] || undefined;
  const address = text("address", options.address) ?? (environment["TRACKD_GRPC_ADDRESS"] || undefined);
  const { quiet = isTrue(variable("QUIET") ?? variable("SILENT")), startDaemon = true, onWarning } = options;
  if (onWarning !== undefined && typeof onWarning !== "function") {
    throw new UsageError(`onWarning is a ${typeof onWarning}; it must be a function of one text`);
  }
  return {
    project: checkName(
      "project",
      text("project", options.project) ?? variable("PROJECT") ?? defaultProject(),
      PROJECT_FORBIDDEN,
    ),
    id: checkName("run id", text("id", options.id) ?? variable("RUN_ID") ?? randomId(), ID_FORBIDDEN),
    name: text("name", options.name) ?? variable("NAME"),
    tags: checkTags(options.tags ?? split(variable("TAGS"))),
    group: text("group", options.group) ?? variable("RUN_GROUP"),
    jobType: text("jobType", options.jobType) ?? variable("JOB_TYPE"),
    notes: text("notes", options.notes) ?? variable("NOTES"),
    label: text("label", options.label) ?? variable("LABEL") ?? rankLabel(environment),
    host: variable("HOST") ?? os.hostname(),
    mode: checkMode(options.mode ?? variable("MODE") ?? "online"),
    store: storeFolder(text("store", options.store), environment),
    address,
    token: text("token", options.token) ?? environment["TRACKD_TOKEN"] ?? "",
    startDaemon: truth("startDaemon", startDaemon),
    finishTimeoutSeconds: number(
      "finishTimeoutSeconds",
      options.finishTimeoutSeconds ?? FINISH_TIMEOUT_SECONDS,
      "seconds",
    ),
    bufferBytesMax: number("bufferBytesMax", options.bufferBytesMax ?? BUFFER_BYTES_MAX, "bytes"),
    quiet: truth("quiet", quiet),
    captures: readCaptures(variable("CAPTURES")),
    onWarning,
  };
}

function storeFolder(given: string | undefined, environment: Environment): string {
  const asked = given || environment["TRACKD_STORE"];
  const home = os.homedir();
  if (asked) return path.resolve(asked === "~" || asked.startsWith("~/") ? home + asked.slice(1) : asked);
  return path.join(environment["XDG_STATE_HOME"] || path.join(home, ".local", "state"), "trackd");
}

function defaultProject(): string {
  let folder: string;
  try {
    folder = process.cwd();
  } catch {
    return "uncategorized"; // the working folder is gone
  }
  for (let above = path.dirname(folder); ; folder = above, above = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, ".git"))) return cleanName(path.basename(folder)) || "uncategorized";
    if (above === folder) return "uncategorized";
  }
}

/** Returns a name with what a project's name cannot hold replaced by `-`. */
export function cleanName(name: string): string {
  const characters = [...name].slice(0, NAME_CHARACTERS_MAX);
  return characters.map((each) => (PROJECT_FORBIDDEN.includes(each) || UNPRINTABLE.test(each) ? "-" : each)).join("");
}

function checkName(what: string, name: string, forbidden: string): string {
  const characters = [...name];
  if (characters.length < 1 || characters.length > NAME_CHARACTERS_MAX || !name.trim()) {
    const seen = JSON.stringify(characters.slice(0, 24).join(""));
    throw new UsageError(
      `${what} is ${characters.length} characters, ${seen}; it can be 1 to ${NAME_CHARACTERS_MAX}: give another`,
    );
  }
  const wrong = characters.find((each) => forbidden.includes(each) || UNPRINTABLE.test(each));
  if (wrong !== undefined) {
    throw new UsageError(
      `${what} is ${JSON.stringify(name)}; it cannot hold ${JSON.stringify(wrong)}: use letters, digits, - and _`,
    );
  }
  return name;
}

function checkTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw new UsageError(`tags is ${show(tags)}; it must be a list of texts`);
  for (const tag of tags as readonly unknown[]) {
    const length = typeof tag === "string" ? [...tag].length : 0;
    if (length < 1 || length > TAG_CHARACTERS_MAX) {
      throw new UsageError(
        `tag is ${show(tag)}; it must be a text of 1 to ${TAG_CHARACTERS_MAX} characters: shorten it`,
      );
    }
  }
  return [...new Set(tags as readonly string[])];
}

function checkMode(given: string): Mode {
  const mode = MODE_NAMES[given] ?? given;
  if (mode === "offline") {
    throw new UsageError(
      'mode is "offline", and this client keeps nothing on disk: use "online", which waits for a daemon in memory, or "disabled"',
    );
  }
  if (!MODES.includes(mode)) throw new UsageError(`mode is ${show(mode)}; it can be ${MODES.join(", ")}`);
  return mode as Mode;
}

function readCaptures(names: string | undefined): readonly string[] {
  if (names === undefined) return CAPTURES;
  if (names === "none") return [];
  const captures = split(names);
  const unknown = captures.find((name) => !CAPTURES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`TRACKD_CAPTURES has ${show(unknown)}; it can have ${CAPTURES.join(", ")}, or be none`);
  }
  return captures;
}

function rankLabel(environment: Environment): string {
  for (const name of RANKS) {
    const rank = environment[name];
    if (rank !== undefined) return `rank ${rank}`;
  }
  return "";
}

function randomId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join("");
}

function text(name: string, given: unknown): string | undefined {
  if (given === undefined || typeof given === "string") return given;
  throw new UsageError(`${name} is ${show(given)}; it must be a text`);
}

function truth(name: string, given: unknown): boolean {
  if (typeof given === "boolean") return given;
  throw new UsageError(`${name} is ${show(given)}; it must be true or false`);
}

function number(name: string, given: unknown, unit: string): number {
  if (typeof given === "number" && given >= 0) return given;
  throw new UsageError(`${name} is ${show(given)}; it must be a number of ${unit} from 0`);
}

function split(names: string | undefined): string[] {
  return (names ?? "").split(",").flatMap((name) => name.trim() || []);
}

function isTrue(given: string | undefined): boolean {
  return ["1", "true", "yes", "on"].includes((given ?? "").toLowerCase());
}

/** Returns a value as a sentence shows it: short, and never throwing. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (value === undefined) return "undefined";
  return typeof value === "object" ? `a ${typeName(value)}` : `a ${typeof value}`;
}

/** Returns the name of an object's class. */
export function typeName(value: object): string {
  const constructor: unknown = (value as { constructor?: unknown }).constructor;
  return typeof constructor === "function" && constructor.name ? constructor.name : "object";
}
