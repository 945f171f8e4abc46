/** What a writer of a run is called. */
import type { Writer } from "../api/types";

export function writerName({ label, role, process, writer_id: id }: Writer): string {
  const place = [process?.host, process?.pid ? `process ${process.pid}` : ""].filter(Boolean).join(", ");
  return [label || (role === "primary" ? "main" : role), place || id].filter(Boolean).join(" · ");
}

/** The writers whose console has lines. */
export const printing = (writers: readonly Writer[] | undefined): Writer[] =>
  (writers ?? []).filter((writer) => writer.console_line_count > 0);
