/**
 * What a terminal would show of a line: pieces of text, each with the colours and weights that SGR sequences ask for.
 *
 * Only SGR (`ESC [ … m`) is obeyed. Every other control character is written out (`^[` for escape), so that nothing a run prints can
 * move, hide or reorder what stands on the page.
 */

/** A colour of the palette by its number, or one of its own as 0xRRGGBB. */
export type AnsiColor = { index: number } | { rgb: number };

export interface AnsiStyle {
  color: AnsiColor | null;
  background: AnsiColor | null;
  isBold: boolean;
  isDim: boolean;
  isItalic: boolean;
  isUnderlined: boolean;
  isStruck: boolean;
  isInverse: boolean;
}

export interface AnsiSpan {
  text: string;
  /** Null for text as it is. */
  style: AnsiStyle | null;
}

const PLAIN: AnsiStyle = {
  color: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
  isInverse: false,
};

const SGR = /\x1b\[([0-9;:]*)m/g;

// Controls, the marks that reorder text, and the two separators that would break a line.
const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** As `cat -v` writes them: few fonts have the pictures of controls. */
function written(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(0x40 + code)}`;
  if (code === 0x7f) return "^?";
  return `<${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** The text with every character that is not seen, tabs aside, as one that is. */
export const visible = (text: string): string => text.replace(UNSEEN, written);

/** The text without SGR sequences: what a search looks at. */
export const withoutSgr = (text: string): string => text.replace(SGR, "");

export function parseAnsi(line: string): AnsiSpan[] {
  if (!line.includes("\x1b")) return line === "" ? [] : [{ text: line, style: null }];
  const spans: AnsiSpan[] = [];
  let style: AnsiStyle | null = null;
  let from = 0;
  const push = (end: number) => {
    if (end > from) spans.push({ text: line.slice(from, end), style });
  };
  for (const match of line.matchAll(SGR)) {
    push(match.index);
    style = applied(style ?? PLAIN, match[1]);
    from = match.index + match[0].length;
  }
  push(line.length);
  return spans;
}

function applied(before: AnsiStyle, parameters: string): AnsiStyle | null {
  let style = before;
  // `38:2::R:G:B` is the standard's form of an extended colour, `38;2;R;G;B` what most programs write.
  const groups = parameters.split(";");
  for (let at = 0; at < groups.length; at++) {
    const [first, ...parts] = groups[at].split(":").map((part) => (part === "" ? 0 : Number(part)));
    if (first === 38 || first === 48) {
      const taken = parts.length > 0 ? colonColor(parts) : semicolonColor(groups.slice(at + 1).map(Number));
      at += taken.used;
      if (taken.color) style = { ...style, [first === 38 ? "color" : "background"]: taken.color };
    } else style = attribute(style, first, parts[0]);
  }
  return isPlain(style) ? null : style;
}

interface Taken {
  color: AnsiColor | null;
  /** Parameters behind the first that belong to it. */
  used: number;
}

const isByte = (value: number | undefined): value is number =>
  value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;

function rgbOf(parts: readonly number[]): AnsiColor | null {
  const [red, green, blue] = parts;
  return isByte(red) && isByte(green) && isByte(blue) ? { rgb: (red << 16) | (green << 8) | blue } : null;
}

function semicolonColor([kind, ...rest]: readonly number[]): Taken {
  if (kind === 5) return { color: isByte(rest[0]) ? { index: rest[0] } : null, used: 2 };
  if (kind === 2) return { color: rgbOf(rest), used: 4 };
  return { color: null, used: 0 };
}

function colonColor([kind, ...rest]: readonly number[]): Taken {
  if (kind === 5) return { color: isByte(rest[0]) ? { index: rest[0] } : null, used: 0 };
  // With the colour space, which is left out by many, four numbers follow.
  if (kind === 2) return { color: rgbOf(rest.length > 3 ? rest.slice(1) : rest), used: 0 };
  return { color: null, used: 0 };
}

function attribute(style: AnsiStyle, code: number, detail: number | undefined): AnsiStyle {
  if (code >= 30 && code <= 37) return { ...style, color: { index: code - 30 } };
  if (code >= 90 && code <= 97) return { ...style, color: { index: code - 90 + 8 } };
  if (code >= 40 && code <= 47) return { ...style, background: { index: code - 40 } };
  if (code >= 100 && code <= 107) return { ...style, background: { index: code - 100 + 8 } };
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...style, isBold: true };
    case 2:
      return { ...style, isDim: true };
    case 3:
      return { ...style, isItalic: true };
    case 4:
      return { ...style, isUnderlined: detail !== 0 };
    case 7:
      return { ...style, isInverse: true };
    case 9:
      return { ...style, isStruck: true };
    case 21: // doubly underlined
      return { ...style, isUnderlined: true };
    case 22:
      return { ...style, isBold: false, isDim: false };
    case 23:
      return { ...style, isItalic: false };
    case 24:
      return { ...style, isUnderlined: false };
    case 27:
      return { ...style, isInverse: false };
    case 29:
      return { ...style, isStruck: false };
    case 39:
      return { ...style, color: null };
    case 49:
      return { ...style, background: null };
    default:
      return style;
  }
}

const isPlain = (style: AnsiStyle) =>
  !style.color &&
  !style.background &&
  !(style.isBold || style.isDim || style.isItalic || style.isUnderlined || style.isStruck || style.isInverse);
