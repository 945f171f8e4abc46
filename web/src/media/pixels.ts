/** The pixels of images as numbers, decoded when somebody asks for them. */
import { useQuery } from "@tanstack/react-query";
import { fetchObjectBytes, type FileRef } from "../api/records";

export interface Pixels {
  width: number;
  height: number;
  /** Red, green, blue and opacity in 0 to 255, row by row. */
  data: Uint8ClampedArray<ArrayBuffer>;
}

// Four bytes a pixel: kept for a while, for steps that are looked at again.
const KEPT_MS = 60_000;

async function decodePixels(file: FileRef, signal: AbortSignal): Promise<Pixels> {
  const blob = new Blob([await fetchObjectBytes(file, signal)], { type: file.media_type });
  // The values as they stand in the file: nothing may convert them.
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer> };
}

export function usePixels(file: FileRef | null, isWanted: boolean) {
  return useQuery({
    queryKey: ["pixels", file?.sha256],
    queryFn: ({ signal }) => decodePixels(file!, signal),
    enabled: isWanted && file !== null,
    retry: false,
    gcTime: KEPT_MS,
    structuralSharing: false,
  });
}

/** How far two images of one size are apart at each pixel and colour; opaque. Null for images of different sizes. */
export function differenceOf(a: Pixels, b: Pixels): Pixels | null {
  if (a.width !== b.width || a.height !== b.height) return null;
  const data = new Uint8ClampedArray(a.data.length);
  for (let at = 0; at < data.length; at += 4) {
    data[at] = Math.abs(a.data[at] - b.data[at]);
    data[at + 1] = Math.abs(a.data[at + 1] - b.data[at + 1]);
    data[at + 2] = Math.abs(a.data[at + 2] - b.data[at + 2]);
    data[at + 3] = 255;
  }
  return { width: a.width, height: a.height, data };
}

/** A pixel in words: its place, counted from 0, and its values; one value where it is grey. */
export function pixelInWords({ width, data }: Pixels, x: number, y: number): string {
  const at = (y * width + x) * 4;
  const [red, green, blue, opacity] = data.subarray(at, at + 4);
  const color = red === green && green === blue ? String(red) : `${red} ${green} ${blue}`;
  return `x ${x}, y ${y}: ${color}${opacity < 255 ? `, opacity ${opacity}` : ""}`;
}
