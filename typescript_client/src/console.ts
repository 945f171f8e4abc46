/**
 * Owns what is written to a console: how text becomes numbered lines, the capture of the process's own streams, and what
 * this client itself says to the person at the terminal.
 */

import { StringDecoder } from "node:string_decoder";

/** A stream of the console. */
export type Stream = "stdout" | "stderr";
/** Takes lines that follow each other, from a number on. */
export type TakeLines = (stream: Stream, firstLine: number, lines: readonly string[]) => void;

/** A longer line goes on in the next one. */
export const LINE_CHARACTERS_MAX = 65_536;

interface Unended {
  text: string;
  /** Whether a carriage return is in the text. */
  hasReturn: boolean;
  /** The line's number; undefined while it has no character. */
  number: number | undefined;
  /** What of it was told by `flush`. */
  told: string;
}

/**
 * Makes lines of text.
 *
 * Invariants: how the text is cut into pieces changes nothing; both streams share the numbers, from 0 on, and a line has
 * its number from its first character on; of a line with carriage returns only what follows the last one is kept.
 */
export class ConsoleText {
  readonly #take: TakeLines;
  readonly #streams: Readonly<Record<Stream, Unended>> = {
    stdout: { text: "", hasReturn: false, number: undefined, told: "" },
    stderr: { text: "", hasReturn: false, number: undefined, told: "" },
  };
  #count = 0;

  /** Begins without lines; `take` hears each line once it has ended. */
  constructor(take: TakeLines) {
    this.#take = take;
  }

  /** Adds what was written to a stream. */
  feed(stream: Stream, text: string): void {
    const unended = this.#streams[stream];
    const pieces = text.split("\n");
    const rest = pieces.pop()!;
    for (const piece of pieces) {
      this.#add(stream, unended, piece);
      this.#end(stream, unended);
    }
    this.#add(stream, unended, rest);
  }

  /** Tells the lines that have not ended as they are now; they are told again, under the same number, when they go on. */
  flush(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const unended = this.#streams[stream];
      const shown = visible(unended.text);
      if (unended.number === undefined || shown === unended.told) continue;
      unended.told = shown;
      this.#take(stream, unended.number, [shown]);
    }
  }

  #add(stream: Stream, unended: Unended, piece: string): void {
    if (piece === "") return;
    unended.number ??= this.#count++;
    unended.text += piece;
    unended.hasReturn ||= piece.includes("\r");
    if (unended.hasReturn) {
      // A progress bar may write one line for hours.
      unended.text = withoutOverwritten(unended.text);
      unended.hasReturn = unended.text.endsWith("\r");
    }
    while (unended.text.length > LINE_CHARACTERS_MAX) {
      const rest = unended.text.slice(LINE_CHARACTERS_MAX);
      unended.text = unended.text.slice(0, LINE_CHARACTERS_MAX);
      this.#end(stream, unended);
      unended.text = rest;
      unended.hasReturn = rest.endsWith("\r");
      unended.number = this.#count++;
    }
  }

  #end(stream: Stream, unended: Unended): void {
    this.#take(stream, unended.number ?? this.#count++, [visible(unended.text)]);
    unended.text = unended.told = "";
    unended.hasReturn = false;
    unended.number = undefined;
  }
}

function withoutOverwritten(text: string): string {
  const end = visibleEnd(text);
  const last = end > 0 ? text.lastIndexOf("\r", end - 1) : -1;
  return last < 0 ? text : text.slice(last + 1);
}

/** Returns what a terminal shows of a line: a carriage return at its end has overwritten nothing yet. */
function visible(text: string): string {
  return text.slice(0, visibleEnd(text)).toWellFormed();
}

function visibleEnd(text: string): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\r") end -= 1;
  return end;
}

let isTelling = false; // what trackd itself says is not the program's

/** Says a line to the person at the terminal. */
export function tell(sentence: string): void {
  isTelling = true;
  try {
    process.stderr.write(`trackd: ${sentence}\n`);
  } finally {
    isTelling = false;
  }
}

/** Hears what the process writes to its streams, which is written all the same. Returns how to end it. */
export function captureStreams(hear: (stream: Stream, text: string) => void): () => void {
  const ends = (["stdout", "stderr"] as const).map((name) => captureStream(process[name], (text) => hear(name, text)));
  return () => ends.forEach((end) => end());
}

function captureStream(target: NodeJS.WriteStream, hear: (text: string) => void): () => void {
  // Set back as it was, and called as a method of its stream.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const write = target.write;
  const decoder = new StringDecoder("utf8");
  let isOn = true;
  const wrapped = function (this: unknown, chunk: unknown, ...rest: unknown[]): boolean {
    if (isOn && !isTelling) {
      if (typeof chunk === "string") hear(chunk);
      else if (chunk instanceof Uint8Array)
        hear(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)));
    }
    return Reflect.apply(write, target, [chunk, ...rest]) as boolean;
  };
  target.write = wrapped;
  return () => {
    isOn = false;
    // Who has wrapped it after us still calls us, and we pass it on.
    if (target.write === wrapped) target.write = write;
  };
}
