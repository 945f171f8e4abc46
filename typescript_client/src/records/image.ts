/** Owns `Image`: pixels, or an encoded file that is kept byte for byte. */

import { UsageError, ValueError } from "../errors.js";
import { show } from "../settings.js";
import {
  type Content,
  type Draft,
  type RecordKind,
  TypedRecord,
  checkCaption,
  isNumericArray,
  owned,
  readContent,
} from "./draft.js";

/** Pixels of an image, row by row, channels last: 0 to 255, or floats in 0 to 1. */
export type Pixels = Uint8Array | Uint8ClampedArray | Float32Array | Float64Array;

/** What {@link Image} takes beside the image itself. */
export interface ImageOptions {
  /** The shape of pixels: [height, width], or [height, width, channels] of 1, 3 or 4 channels. */
  readonly shape?: readonly number[] | undefined;
  /** Text under the image. */
  readonly caption?: string | undefined;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
  svg: "image/svg+xml",
}; // that every browser shows
const CHANNELS: readonly number[] = [1, 3, 4];
const SVG_HEAD_BYTES = 4096; // an XML head and comments may stand before the root

/** An image. */
export class Image extends TypedRecord {
  override readonly kind = "image";
  readonly #content: Content | undefined;
  readonly #mediaType: string = "";
  readonly #pixels: Pixels | undefined;
  readonly #shape: readonly number[];
  readonly #caption: string;

  /**
   * Makes an image; bytes are copied.
   *
   * @param source Pixels with `options.shape`; or the path or the bytes of a PNG, JPEG, GIF, WebP, BMP or SVG file, which is
   *   kept byte for byte. A path is read here.
   * @throws {@link ValueError} when the shape does not fit the pixels, a float pixel is outside of 0 to 1, or the file is no
   *   such image.
   */
  constructor(source: string | Pixels, options: ImageOptions = {}) {
    super();
    this.#caption = checkCaption("Image", options.caption);
    this.#shape = options.shape ?? [];
    if (options.shape === undefined && (typeof source === "string" || source instanceof Uint8Array)) {
      this.#content = readContent("Image", source);
      const mediaType = MEDIA_TYPES[recognise(this.#content.data)];
      if (mediaType === undefined) {
        const seen = typeof source === "string" ? `file ${show(source)}` : "content";
        throw new ValueError(
          `Image: the ${seen} is no image that browsers show; it can be ${Object.keys(MEDIA_TYPES).join(", ")}: for raw pixels, give their shape`,
        );
      }
      this.#mediaType = mediaType;
      return;
    }
    this.#pixels = checkPixels(source, options.shape);
  }

  /** @internal */
  override encode(draft: Draft): RecordKind {
    const caption = this.#caption;
    if (this.#pixels !== undefined) {
      return {
        case: "image",
        value: { caption, source: { case: "raw", value: draft.array(this.#pixels, this.#shape) } },
      };
    }
    const content = this.#content!;
    const value = draft.payload(content.data, this.#mediaType, content.name);
    return { case: "image", value: { caption, source: { case: "encoded", value } } };
  }
}

function checkPixels(source: unknown, shape: unknown): Pixels {
  if (
    !isNumericArray(source) ||
    !(
      source instanceof Uint8Array ||
      source instanceof Uint8ClampedArray ||
      source instanceof Float32Array ||
      source instanceof Float64Array
    )
  ) {
    throw new UsageError(
      `Image: the source is ${show(source)}; it is a file's path, its bytes, or pixels in a Uint8Array or Float32Array`,
    );
  }
  const axes: readonly unknown[] = Array.isArray(shape) ? shape : [];
  const isWhole = axes.every((axis) => Number.isInteger(axis) && (axis as number) > 0);
  if (!isWhole || axes.length < 2 || axes.length > 3 || (axes.length === 3 && !CHANNELS.includes(axes[2] as number))) {
    throw new ValueError(
      `Image: shape is ${shape === undefined ? "not given" : `[${axes.join(", ")}]`}; it can be [height, width], or [height, width, channels] of 1, 3 or 4 channels`,
    );
  }
  const count = (axes as readonly number[]).reduce((product, axis) => product * axis, 1);
  if (count !== source.length) {
    throw new ValueError(
      `Image: there are ${source.length} values and the shape [${axes.join(", ")}] has ${count}: give one value a channel and pixel`,
    );
  }
  if (source instanceof Float32Array || source instanceof Float64Array) {
    const wrong = source.findIndex((value) => !(value >= 0 && value <= 1));
    if (wrong >= 0) {
      throw new ValueError(
        `Image: value ${wrong} is ${source[wrong]}; float pixels are in 0 to 1: scale them, or give a Uint8Array`,
      );
    }
  }
  return owned("Image", source);
}

/** Returns the type of an image file by its content, whatever its name; empty when it is none. */
function recognise(data: Uint8Array): string {
  const begins = (text: string, from = 0): boolean =>
    Buffer.from(data.buffer, data.byteOffset + from, Math.min(text.length, Math.max(0, data.length - from))).equals(
      Buffer.from(text, "latin1"),
    );
  if (begins("\x89PNG\r\n\x1a\n")) return "png";
  if (begins("\xff\xd8\xff")) return "jpeg";
  if (begins("GIF87a") || begins("GIF89a")) return "gif";
  if (begins("BM")) return "bmp";
  if (begins("RIFF") && begins("WEBP", 8)) return "webp";
  const head = Buffer.from(data.subarray(0, SVG_HEAD_BYTES))
    .toString("latin1")
    .replace(/^[\xef\xbb\xbf\s]+/, "");
  return /^(<svg|<\?xml|<!--|<!doctype svg)/i.test(head) && head.includes("<svg") ? "svg" : "";
}
