/** Where an element finds what it shows: as a Blob of what is in this file. */
import { archive } from "./the_archive";

const made = new Map<string, string>();

/** The path itself where the file does not hold it: who loads that is told that there is nothing. */
export function resource(path: string): string {
  const known = made.get(path);
  if (known) return known;
  const blob = archive.blob(path.replace(/\?type=.*$/, ""));
  if (!blob) return path;
  const type = new URLSearchParams(path.split("?")[1]).get("type");
  const address = URL.createObjectURL(type ? blob.slice(0, blob.size, type) : blob);
  made.set(path, address);
  return address;
}
