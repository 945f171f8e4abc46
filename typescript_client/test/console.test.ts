import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ConsoleText, LINE_CHARACTERS_MAX, type Stream, captureStreams, tell } from "../src/console.js";

function collect(feed: (console: ConsoleText) => void): Map<number, [Stream, string]> {
  const lines = new Map<number, [Stream, string]>();
  const console = new ConsoleText((stream, first, texts) => {
    texts.forEach((text, index) => lines.set(first + index, [stream, text]));
  });
  feed(console);
  return lines;
}

suite("ConsoleText", () => {
  test("lines, carriage returns, and both streams under one count", () => {
    const lines = collect((console) => {
      console.feed("stdout", "one\ntw");
      console.feed("stderr", "oops\n");
      console.feed("stdout", "o\r\n 1%\r50%\r");
      console.feed("stdout", "100%\n\nend");
      console.flush();
      console.feed("stdout", "ed\n");
    });
    assert.deepEqual(
      [...lines].sort(([a], [b]) => a - b).map(([, line]) => line),
      [
        ["stdout", "one"],
        ["stdout", "two"],
        ["stderr", "oops"],
        ["stdout", "100%"],
        ["stdout", ""],
        ["stdout", "ended"],
      ],
    );
  });

  test("how the text is cut into pieces changes nothing", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\r", "\n", "é"), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(60)), (whole, cuts) => {
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
        const cutUp = collect((console) => {
          places.slice(1).forEach((place, index) => console.feed("stdout", whole.slice(places[index], place)));
          console.flush();
        });
        const atOnce = collect((console) => {
          console.feed("stdout", whole);
          console.flush();
        });
        assert.deepEqual(cutUp, atOnce);
        const expected = whole.split("\n").map((line) => line.replace(/\r+$/, "").replace(/^[^]*\r/, ""));
        if (expected.at(-1) === "") expected.pop(); // nothing is seen of it yet
        assert.deepEqual(
          [...atOnce.values()].map(([, line]) => line),
          expected,
        );
      }),
    );
  });

  test("a line without end goes on in the next one", () => {
    const lines = collect((console) => console.feed("stdout", `${"x".repeat(LINE_CHARACTERS_MAX + 5)}\n`));
    assert.deepEqual(
      [...lines.values()].map(([, line]) => line.length),
      [LINE_CHARACTERS_MAX, 5],
    );
  });

  test("a progress bar that runs for hours takes no memory", () => {
    const lines = collect((console) => {
      for (let n = 0; n < 100_000; n++) console.feed("stderr", `\r${n}`);
      console.flush();
    });
    assert.deepEqual([...lines.values()], [["stderr", "99999"]]);
  });
});

suite("captureStreams", () => {
  test("hears text and bytes, not what trackd says, and sets the streams back", () => {
    const heard: string[] = [];
    const before = process.stderr.write;
    const written: unknown[] = [];
    process.stderr.write = (chunk: unknown) => written.push(chunk) > 0;
    const stub = process.stderr.write;
    try {
      const end = captureStreams((stream, text) => heard.push(`${stream}: ${text}`));
      process.stderr.write("text\n");
      const bytes = Buffer.from("é\n");
      process.stderr.write(bytes.subarray(0, 1));
      process.stderr.write(bytes.subarray(1));
      tell("not this");
      end();
      process.stderr.write("after\n");
      assert.equal(process.stderr.write, stub);
    } finally {
      process.stderr.write = before;
    }
    assert.equal(heard.join(""), "stderr: text\nstderr: stderr: é\n");
    assert.equal(written.length, 5);
  });
});
