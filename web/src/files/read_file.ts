/** Reads the beginning of a run's file, or all of it: as an object, so that a range can be asked and the browser keeps it. */
import { ask } from "../api/http";
import { objectAddress } from "../api/records";
import type { RunFile } from "../api/types";

/** More than fills any screen, and is there at once. */
export const HEAD_BYTES = 256 * 1024;
/** A page that holds more would be slower than an editor: a download is better. */
export const WHOLE_BYTES_MAX = 16 * 1024 * 1024;

/** Only the bytes asked for are moved. */
export async function readBytes(file: RunFile, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
  const address = objectAddress({ sha256: file.sha256, size_bytes: file.size_bytes, media_type: "text/plain" });
  if (file.size_bytes === 0) return new Uint8Array();
  // A range of a body that is kept already would be answered whole by some browsers: cut here as well.
  const init = file.size_bytes > limit ? { signal, headers: { Range: `bytes=0-${limit - 1}` } } : { signal };
  const bytes = new Uint8Array(await (await ask(address, init)).arrayBuffer());
  return bytes.length > limit ? bytes.subarray(0, limit) : bytes;
}

/** Bytes as text; a letter that is cut off at the end is left out. */
export const decodeText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes, { stream: true });
