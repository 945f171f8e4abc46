/** What is known of the code a run was started from. */
import type { RunFile, WholeRun } from "../api/types";

export interface CodeFacts {
  commit: string;
  branch: string;
  remote: string;
  /** The remote as a page to open; null where it is none. */
  remoteAddress: string | null;
  /** Null where nobody looked. */
  isDirty: boolean | null;
  /** Files that git does not know, within the repository. */
  untrackedCount: number;
  /** Files that were kept beside it: what differs from the commit, the packages, the program. */
  files: { label: string; path: string }[];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function codeFacts(run: WholeRun): CodeFacts | null {
  const facts = run.environment ?? {};
  const commit = text(facts["git.commit"]);
  const branch = text(facts["git.branch"]);
  const remote = text(facts["git.remote"]);
  const dirty = facts["git.is_dirty"];
  const untracked = facts["git.untracked_count"];
  const kept = run.files ?? [];
  const programs = kept.filter(({ purpose }) => purpose === "code");
  const files = kept
    .filter((file) => file.path === "diff.patch" || file.path === "requirements.txt" || isOne(file, programs))
    .map(({ path }) => ({ label: path.slice(path.lastIndexOf("/") + 1), path }));
  if (!commit && !branch && !remote && files.length === 0) return null;
  return {
    commit,
    branch,
    remote,
    remoteAddress: pageOf(remote),
    isDirty: typeof dirty === "boolean" ? dirty : null,
    untrackedCount: typeof untracked === "number" ? untracked : 0,
    files,
  };
}

/** The program itself stands here; a whole tree of code does not. */
const isOne = (file: RunFile, programs: readonly RunFile[]) => programs.length === 1 && programs[0] === file;

/** The page of a remote: only an address of the web is one, and `git@host:path` where hosts have pages under the same path. */
export function pageOf(remote: string): string | null {
  const short = remote.match(/^git@([\w.-]+):([\w./~-]+?)(?:\.git)?$/);
  if (short) return `https://${short[1]}/${short[2]}`;
  if (!/^https?:\/\//.test(remote)) return null;
  try {
    const address = new URL(remote);
    address.username = "";
    address.password = "";
    return address.href.replace(/\.git$/, "");
  } catch {
    return null;
  }
}
