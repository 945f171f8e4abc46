/** The class ids in the pixels of masks, decoded once for each content. */
import { useQueries } from "@tanstack/react-query";
import { fetchObjectBytes, type FileRef } from "../api/records";

export interface DecodedMask {
  width: number;
  height: number;
  /** One class id a pixel, row by row. */
  ids: Uint8Array;
  /** The ids that are there, ascending. */
  present: number[];
}

// A decoded mask is a byte a pixel: it is kept for a while, for steps that are looked at again.
const KEPT_MS = 60_000;

async function decodeMask(file: FileRef, signal: AbortSignal): Promise<DecodedMask> {
  const blob = new Blob([await fetchObjectBytes(file, signal)], { type: file.media_type });
  // Ids are no colours: nothing may convert them.
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height).data;
  const ids = new Uint8Array(width * height);
  const isPresent = new Uint8Array(256);
  for (let pixel = 0; pixel < ids.length; pixel++) {
    const id = pixels[pixel * 4];
    ids[pixel] = id;
    isPresent[id] = 1;
  }
  return { width, height, ids, present: [...isPresent.keys()].filter((id) => isPresent[id]) };
}

/**
 * The masks decoded so far, in the order of the files.
 *
 * @param isWanted whether to decode those that are not; a card only asks what its images have decoded.
 */
export function useMasks(files: readonly FileRef[], isWanted: boolean): (DecodedMask | undefined)[] {
  return useQueries({
    queries: files.map((file) => ({
      queryKey: ["mask", file.sha256],
      queryFn: ({ signal }: { signal: AbortSignal }) => decodeMask(file, signal),
      enabled: isWanted,
      gcTime: KEPT_MS,
      structuralSharing: false,
    })),
  }).map((query) => query.data);
}
