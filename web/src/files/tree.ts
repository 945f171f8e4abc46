/** The files of a run as a tree of folders, and which of its rows are seen. */
import type { RunFile } from "../api/types";

export interface Folder {
  /** The whole path; empty at the top. */
  path: string;
  name: string;
  folders: Folder[];
  files: RunFile[];
  /** Of everything below. */
  countOfFiles: number;
  sizeBytes: number;
}

export interface TreeRow {
  path: string;
  name: string;
  depth: number;
  sizeBytes: number;
  /** Null for a file. */
  folder: { isOpen: boolean; countOfFiles: number } | null;
}

/** Up to so many files a tree is open when it is first seen. */
const OPEN_UP_TO = 200;

const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name, "en", { numeric: true });
export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

export function makeTree(files: readonly RunFile[]): Folder {
  const top = folderOf("");
  const known = new Map<string, Folder>([["", top]]);
  const at = (path: string): Folder => {
    const found = known.get(path);
    if (found) return found;
    const folder = folderOf(path);
    known.set(path, folder);
    at(path.slice(0, Math.max(0, path.lastIndexOf("/")))).folders.push(folder);
    return folder;
  };
  for (const file of files) at(file.path.slice(0, Math.max(0, file.path.lastIndexOf("/")))).files.push(file);
  settle(top);
  return top;
}

const folderOf = (path: string): Folder => ({
  path,
  name: baseName(path),
  folders: [],
  files: [],
  countOfFiles: 0,
  sizeBytes: 0,
});

function settle(folder: Folder): void {
  for (const inner of folder.folders) settle(inner);
  folder.folders.sort(byName);
  folder.files.sort((a, b) => byName({ name: baseName(a.path) }, { name: baseName(b.path) }));
  folder.countOfFiles = folder.files.length + folder.folders.reduce((sum, inner) => sum + inner.countOfFiles, 0);
  folder.sizeBytes =
    folder.files.reduce((sum, file) => sum + file.size_bytes, 0) +
    folder.folders.reduce((sum, inner) => sum + inner.sizeBytes, 0);
}

/**
 * The rows that are seen, folders before files.
 *
 * @param toggled the folders that are not as they are by default: a small tree is open, a large one is folded.
 * @param isWhole whether all folders are open, as while a search finds files in them.
 */
export function treeRows(top: Folder, toggled: ReadonlySet<string>, isWhole: boolean): TreeRow[] {
  const isOpenByDefault = top.countOfFiles <= OPEN_UP_TO;
  const rows: TreeRow[] = [];
  const walk = (folder: Folder, depth: number) => {
    for (const inner of folder.folders) {
      const isOpen = isWhole || isOpenByDefault !== toggled.has(inner.path);
      const { path, name, sizeBytes, countOfFiles } = inner;
      rows.push({ path, name, depth, sizeBytes, folder: { isOpen, countOfFiles } });
      if (isOpen) walk(inner, depth + 1);
    }
    for (const file of folder.files) {
      rows.push({ path: file.path, name: baseName(file.path), depth, sizeBytes: file.size_bytes, folder: null });
    }
  };
  walk(top, 0);
  return rows;
}
