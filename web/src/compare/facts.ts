/** What is compared of whole runs: their config, summary, packages, surroundings and code. Pure. */
import { isRecordDocument } from "../api/records";
import type { WholeRun } from "../api/types";
import { KIND_WORDS } from "../media/words";
import { PROBLEMS } from "../run/environment_groups";
import { flatten } from "../run/flatten";
import type { Facts } from "./rows";

export const CODE = "code";
export const REQUIREMENTS = "requirements.txt";
const FILE_PREFIX = "file ";

/** The key under which a file stands among the code, and back. */
export const fileKey = (path: string): string => FILE_PREFIX + path;
export const pathOf = (key: string): string | null =>
  key.startsWith(FILE_PREFIX) ? key.slice(FILE_PREFIX.length) : null;

/** The packages that a `requirements.txt` names, with their versions or where they are from. */
export function parsePackages(text: string): Map<string, string> {
  const packages = new Map<string, string>();
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    // What is installed from a folder is named behind it.
    const editable = line.match(/^(-e .+?)\s+#\s*([\w.-]+)==(\S+)$/);
    const match = line.match(/^([\w.-]+(?:\[[\w.,-]*\])?)\s*(?:==|@)\s*(.+)$/);
    if (editable) packages.set(editable[2], `${editable[3]} (${editable[1]})`);
    else if (match) packages.set(match[1], match[2]);
    else packages.set(line, "installed");
  }
  return packages;
}

function summaryOf(run: WholeRun): Map<string, unknown> {
  return new Map(
    Object.entries(run.summary).map(([key, value]) => [key, isRecordDocument(value) ? KIND_WORDS[value.type] : value]),
  );
}

function environmentOf(run: WholeRun): Map<string, unknown> {
  const facts = Object.entries(run.environment ?? {});
  return new Map(facts.filter(([name]) => name !== PROBLEMS && !name.startsWith("git.")));
}

function codeOf(run: WholeRun): Map<string, unknown> {
  const code = new Map<string, unknown>();
  for (const [name, value] of Object.entries(run.environment ?? {})) {
    if (name.startsWith("git.")) code.set(name, value);
  }
  for (const { path, sha256 } of run.files ?? [])
    if (path !== REQUIREMENTS) code.set(fileKey(path), sha256.slice(0, 12));
  return code;
}

/** @param packages the text of each run's `requirements.txt`; null where it has none, or where it is not there yet. */
export function factsOf(runs: readonly WholeRun[], packages: readonly (string | null)[]): Facts[] {
  return [
    { section: "config", title: "Config", byRun: runs.map((run) => new Map(flatten(run.config))) },
    { section: "summary", title: "Summary", byRun: runs.map(summaryOf) },
    { section: "packages", title: "Packages", byRun: packages.map((text) => parsePackages(text ?? "")) },
    { section: "environment", title: "Environment", byRun: runs.map(environmentOf) },
    { section: CODE, title: "Code and files", byRun: runs.map(codeOf) },
  ];
}
