import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { suite, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { TypedRecordSchema } from "../src/generated/trackd/v1/values_pb.js";
import { Draft, encodeRecords, recordsOf } from "../src/records/index.js";
import { Histogram, Image, Object3D, Table, TrackdError, type TypedRecord, ValueError } from "trackd";

function encode(record: TypedRecord): { kind: ReturnType<typeof typed>; data: Uint8Array } {
  const draft = new Draft();
  return { kind: typed(record, draft), data: draft.joined() ?? new Uint8Array() };
}

function typed(record: TypedRecord, draft: Draft) {
  return create(TypedRecordSchema, { kind: record.encode(draft) }).kind;
}

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2]);

suite("Draft", () => {
  test("ranges begin at multiples of 8; what is large goes apart", () => {
    const draft = new Draft();
    const ranges = [3, 8, 0, 1].map((size) => draft.payload(new Uint8Array(size).fill(size)).source);
    assert.deepEqual(
      ranges.map((source) => source.case === "range" && [source.value.offset, source.value.sizeBytes]),
      [
        [0n, 3n],
        [8n, 8n],
        [16n, 0n],
        [16n, 1n],
      ],
    );
    assert.deepEqual([...draft.joined()!], [3, 3, 3, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8, 1]);
    const large = draft.payload(new Uint8Array(2 ** 20));
    assert.equal(large.source.case, undefined);
    assert.equal(draft.objects[0]?.payload, large);
    draft.payload(new Uint8Array(2 ** 19));
    draft.payload(new Uint8Array(2 ** 19)); // the second does not fit beside the first
    assert.equal(draft.objects.length, 2);
    assert.ok(draft.inlineBytes <= 2 ** 20);
  });
});

suite("Image", () => {
  test("pixels", () => {
    const pixels = Uint8Array.from([1, 2, 3, 4, 5, 6]);
    const image = new Image(pixels, { shape: [1, 2, 3], caption: "c" });
    pixels.fill(0);
    const { kind, data } = encode(image);
    assert.ok(kind.case === "image" && kind.value.source.case === "raw");
    assert.deepEqual([kind.value.caption, kind.value.source.value.dtype], ["c", "|u1"]);
    assert.deepEqual(kind.value.source.value.shape, [1n, 2n, 3n]);
    assert.deepEqual([...data], [1, 2, 3, 4, 5, 6]);
    const floats = encode(new Image(new Float32Array(4), { shape: [2, 2] })).kind;
    assert.equal(
      floats.case === "image" && floats.value.source.case === "raw" && floats.value.source.value.dtype,
      "<f4",
    );
  });

  test("files, by their content", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "trackd-ts-"));
    const file = path.join(folder, "plot.jpg");
    fs.writeFileSync(file, PNG);
    const { kind, data } = encode(new Image(file));
    assert.ok(kind.case === "image" && kind.value.source.case === "encoded");
    assert.deepEqual([kind.value.source.value.mediaType, kind.value.source.value.fileName], ["image/png", "plot.jpg"]);
    assert.deepEqual([...data], [...PNG]);
    fs.rmSync(folder, { recursive: true });
    const types: [string, string][] = [
      ["\xff\xd8\xff\xe0", "image/jpeg"],
      ["GIF89a", "image/gif"],
      ["RIFF1234WEBP", "image/webp"],
      ["BM12", "image/bmp"],
      ['<?xml version="1.0"?>\n<svg/>', "image/svg+xml"],
    ];
    for (const [content, mediaType] of types) {
      const { kind } = encode(new Image(Buffer.from(content, "latin1")));
      assert.equal(
        kind.case === "image" && kind.value.source.case === "encoded" && kind.value.source.value.mediaType,
        mediaType,
      );
    }
  });

  const wrong: [string, () => unknown][] = [
    ["too few values", () => new Image(new Uint8Array(3), { shape: [2, 2, 3] })],
    ["two channels", () => new Image(new Uint8Array(8), { shape: [2, 2, 2] })],
    ["one axis", () => new Image(new Uint8Array(8), { shape: [8] })],
    ["no pixel", () => new Image(new Uint8Array(0), { shape: [0, 2] })],
    ["floats beyond 1", () => new Image(new Float32Array([0, 1, 2, 0]), { shape: [2, 2] })],
    ["NaN", () => new Image(new Float64Array([NaN]), { shape: [1, 1] })],
    ["floats without shape", () => new Image(new Float32Array(4))],
    ["integers of 32 bits", () => new Image(new Int32Array(4) as never, { shape: [2, 2] })],
    ["a text file", () => new Image(Buffer.from("hello"))],
    ["no file", () => new Image("/nowhere/at/all.png")],
    ["a folder", () => new Image(os.tmpdir())],
    ["no bytes", () => new Image(new Uint8Array(0))],
    ["a caption that is no text", () => new Image(PNG, { caption: 3 as never })],
  ];
  for (const [what, make] of wrong) test(`refuses ${what}`, () => assert.throws(make, TrackdError));
});

suite("Histogram", () => {
  test("values and bins", () => {
    const { kind, data } = encode(new Histogram([0, 1, 1, 4], { binCount: 4 }));
    assert.ok(kind.case === "histogram");
    assert.deepEqual([kind.value.raw?.dtype, kind.value.binCount], ["<f8", 4]);
    assert.deepEqual([...new Float64Array(data.slice().buffer)], [0, 1, 1, 4]);
    const integers = encode(new Histogram([1n, 2n])).kind;
    assert.equal(integers.case === "histogram" && integers.value.raw?.dtype, "<i8");
    const made = encode(Histogram.fromCounts([1, 2], [0, 1, 2])).kind;
    assert.ok(made.case === "histogram");
    assert.deepEqual([made.value.counts, made.value.edges, made.value.raw], [[1, 2], [0, 1, 2], undefined]);
  });

  const wrong: [string, () => unknown, RegExp][] = [
    ["513 bins", () => new Histogram([1], { binCount: 513 }), /513 bins; it can be 1 to 512/],
    ["no bins", () => new Histogram([1], { binCount: 0 }), /0 bins/],
    ["text", () => new Histogram(["a"] as never), /value 0 is "a"/],
    ["too few edges", () => Histogram.fromCounts([1, 2], [0, 1]), /2 counts and 2 edges/],
    ["edges that fall", () => Histogram.fromCounts([1, 2], [0, 2, 1]), /ascending/],
    ["a negative count", () => Histogram.fromCounts([-1], [0, 1]), /count is -1/],
  ];
  for (const [what, make, says] of wrong) test(`refuses ${what}`, () => assert.throws(make, says));
});

suite("Table", () => {
  test("columns of one type, empty cells, and mixed ones", () => {
    const table = new Table(
      ["f", "i", "b", "t", "mixed", "none"],
      [
        [1.5, 1n, true, "é", 1, null],
        [null, 2n, false, undefined, [new Histogram([1]), 1].at(0), null],
      ],
    );
    const { kind } = encode(table);
    assert.ok(kind.case === "table");
    assert.equal(kind.value.rowCount, 2n);
    const cells = kind.value.columns.map(({ name, cells, validity }) => [
      name,
      cells.case === "numbers" ? cells.value.dtype : cells.case,
      validity?.dtype,
    ]);
    assert.deepEqual(cells, [
      ["f", "<f8", "|b1"],
      ["i", "<i8", undefined],
      ["b", "|b1", undefined],
      ["t", "texts", undefined],
      ["mixed", "values", undefined],
      ["none", "values", undefined],
    ]);
    const none = kind.value.columns[5]!.cells;
    assert.deepEqual(none.case === "values" && none.value.cells.map((cell) => cell.kind.case), [undefined, undefined]);
    const mixed = kind.value.columns[4]!.cells;
    assert.deepEqual(mixed.case === "values" && mixed.value.cells.map((cell) => cell.kind.case), [
      "doubleValue",
      "recordValue",
    ]);
  });

  test("a million numbers are no message of their own each", () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => [index]);
    const draft = new Draft();
    new Table(["n"], rows).encode(draft);
    assert.equal(draft.objects[0]?.data.length, 8 * rows.length);
  });

  const wrong: [string, () => unknown][] = [
    ["rows of unequal length", () => new Table(["a", "b"], [[1, 2], [3]])],
    ["a row that is no list", () => new Table(["a"], ["x"] as never)],
    ["a cell that cannot be", () => new Table(["a"], [[() => 1]])],
    ["columns that are no list", () => new Table("ab" as never)],
    [
      "mixed cells by the million",
      () =>
        new Table(
          ["a"],
          Array.from({ length: 200_000 }, (_, n) => [n % 2 ? n : `${n}`]),
        ),
    ],
  ];
  for (const [what, make] of wrong) test(`refuses ${what}`, () => assert.throws(make, TrackdError));
});

suite("Object3D", () => {
  test("points and models", () => {
    for (const source of [new Object3D([[0, 0.5, 1]]), new Object3D(new Float64Array([0, 0.5, 1]))]) {
      const { kind, data } = encode(source);
      assert.ok(kind.case === "object3d" && kind.value.source.case === "scene");
      assert.deepEqual(kind.value.source.value.points?.shape, [1n, 3n]);
      assert.deepEqual([...new Float64Array(data.slice().buffer)], [0, 0.5, 1]);
    }
    const { kind } = encode(new Object3D(Buffer.from("ply"), { fileType: "PLY" }));
    assert.ok(kind.case === "object3d" && kind.value.source.case === "encoded");
    assert.equal(kind.value.fileType, "ply");
  });

  const wrong: [string, () => unknown][] = [
    ["points of two numbers", () => new Object3D([[1, 2]])],
    ["points of unequal length", () => new Object3D([[1, 2, 3], [1, 2]])], // prettier-ignore
    ["half a point", () => new Object3D(new Float32Array(4))],
    ["no points", () => new Object3D([])],
    ["a model without type", () => new Object3D(Buffer.from("x"))],
    ["an unknown type", () => new Object3D(Buffer.from("x"), { fileType: "doc" })],
    ["an object", () => new Object3D({} as never)],
  ];
  for (const [what, make] of wrong) test(`refuses ${what}`, () => assert.throws(make, TrackdError));
});

suite("lists", () => {
  test("of one kind, and nothing else", () => {
    const list = [new Histogram([1]), new Histogram([2])];
    const found = recordsOf("k", list);
    assert.equal(found, list);
    const value = encodeRecords(found, new Draft());
    assert.ok(value.case === "recordValue");
    assert.equal(recordsOf("k", [1, 2]), undefined);
    assert.equal(recordsOf("k", []), undefined);
    assert.throws(() => recordsOf("the_key", [new Histogram([1]), new Table(["a"])]), /the_key.*histogram, table/);
    assert.throws(() => recordsOf("k", [new Histogram([1]), 1]), ValueError);
  });
});
