/** How a file is shown, by its name; what its bytes say decides where the name does not. */
import { own } from "../data/own";
import { baseName } from "./tree";

export type FileKind =
  "text" | "json" | "sheet" | "markdown" | "diff" | "notebook" | "html" | "image" | "audio" | "video" | "unknown";

// As the daemon serves objects: anything else would be a download.
const MEDIA: Readonly<Record<string, readonly [FileKind, string]>> = {
  png: ["image", "image/png"],
  jpg: ["image", "image/jpeg"],
  jpeg: ["image", "image/jpeg"],
  webp: ["image", "image/webp"],
  gif: ["image", "image/gif"],
  bmp: ["image", "image/bmp"],
  // Within an image element nothing of it runs.
  svg: ["image", "image/svg+xml"],
  mp4: ["video", "video/mp4"],
  m4v: ["video", "video/mp4"],
  webm: ["video", "video/webm"],
  ogv: ["video", "video/ogg"],
  wav: ["audio", "audio/wav"],
  mp3: ["audio", "audio/mpeg"],
  ogg: ["audio", "audio/ogg"],
  oga: ["audio", "audio/ogg"],
  flac: ["audio", "audio/flac"],
  m4a: ["audio", "audio/mp4"],
  aac: ["audio", "audio/aac"],
};

const KINDS: Readonly<Record<string, FileKind>> = {
  json: "json",
  geojson: "json",
  csv: "sheet",
  tsv: "sheet",
  md: "markdown",
  markdown: "markdown",
  diff: "diff",
  patch: "diff",
  ipynb: "notebook",
  html: "html",
  htm: "html",
};

const TEXTS = new Set(
  (
    "txt log py pyi pyx js mjs ts tsx jsx css scss c h cc cpp hpp cu cuh rs go java kt swift rb pl lua r jl m sh bash zsh fish ps1 " +
    "sql yaml yml toml ini cfg conf env xml tex bib rst jsonl ndjson proto graphql lock gitignore dockerfile makefile requirements"
  ).split(" "),
);

const extensionOf = (path: string): string => {
  const name = baseName(path).toLowerCase();
  return name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : name;
};

export function kindOf(path: string): FileKind {
  const extension = extensionOf(path);
  return own(MEDIA, extension)?.[0] ?? own(KINDS, extension) ?? (TEXTS.has(extension) ? "text" : "unknown");
}

/** The media type an object is asked as: one that the daemon serves. */
export const mediaTypeOf = (path: string): string => own(MEDIA, extensionOf(path))?.[1] ?? "text/plain";

export const separatorOf = (path: string): "," | "\t" => (extensionOf(path) === "tsv" ? "\t" : ",");

// Of so many bytes a text has none that is NUL, and next to none that are no letters.
const SNIFFED_BYTES = 8192;
const ODD_SHARE_MAX = 0.02;

/** Whether bytes are a text that a person can read. */
export function isText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, SNIFFED_BYTES);
  let odd = 0;
  for (const byte of head) {
    if (byte === 0) return false;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b && byte !== 0x0c) odd++;
  }
  const text = new TextDecoder().decode(head, { stream: true });
  for (const letter of text) if (letter === "\ufffd") odd++;
  return odd <= head.length * ODD_SHARE_MAX;
}
