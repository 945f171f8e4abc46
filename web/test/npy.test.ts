import { describe, expect, test } from "vitest";
import { halfToNumber, parseNpy } from "../src/scene/npy";

interface Written {
  descr?: string;
  shape?: string;
  order?: string;
  version?: 1 | 2;
  pad?: number;
}

function write(data: ArrayBufferView, { descr = "<f4", shape, order = "False", version = 1, pad = 0 }: Written = {}) {
  const said = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }${" ".repeat(pad)}\n`;
  const lengthSize = version === 1 ? 2 : 4;
  const bytes = new Uint8Array(8 + lengthSize + said.length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, said.length, true);
  else view.setUint32(8, said.length, true);
  bytes.set(new TextEncoder().encode(said), 8 + lengthSize);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + lengthSize + said.length);
  return bytes.buffer;
}

describe("a .npy file", () => {
  test("gives its shape and numbers, wherever its header ends", () => {
    for (let pad = 0; pad < 8; pad++) {
      const npy = parseNpy(write(Float64Array.of(1, 2.5, -3, 4, 5, 6), { descr: "<f8", shape: "(2, 3)", pad }));
      expect(npy.shape).toEqual([2, 3]);
      expect([...npy.data]).toEqual([1, 2.5, -3, 4, 5, 6]);
    }
  });

  test.each([
    ["<f4", Float32Array.of(1.5, -2)],
    ["|u1", Uint8Array.of(255, 1)],
    ["<i2", Int16Array.of(-7, 300)],
    ["<i4", Int32Array.of(-7, 70_000)],
  ])("holds %s as it is", (descr, data) => {
    expect([...parseNpy(write(data, { descr, shape: "(2,)" })).data]).toEqual([...data]);
  });

  test("holds whole numbers of 64 bits as doubles", () => {
    const npy = parseNpy(write(BigInt64Array.of(-5n, 2n ** 40n), { descr: "<i8", shape: "(2,)" }));
    expect([...npy.data]).toEqual([-5, 2 ** 40]);
  });

  test("holds halves: normal, tiny, infinite, none", () => {
    expect([0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00, 0].map(halfToNumber)).toEqual([
      1,
      -2,
      2 ** -24,
      Infinity,
      -Infinity,
      0,
    ]);
    expect(halfToNumber(0x7e00)).toBeNaN();
    expect([...parseNpy(write(Uint16Array.of(0x3800), { descr: "<f2", shape: "(1,)" })).data]).toEqual([0.5]);
  });

  test("has a longer header in version 2, and may be one value or none", () => {
    expect(parseNpy(write(Float32Array.of(3), { shape: "()", version: 2 })).shape).toEqual([]);
    expect(parseNpy(write(new Float32Array(0), { shape: "(0, 3)" })).data).toHaveLength(0);
  });

  test.each([
    [new ArrayBuffer(4), "do not begin as a .npy file"],
    [write(Float32Array.of(1), { shape: "(2, 3)" }), "need"],
    [write(Float32Array.of(1), { shape: "(1,)", order: "True" }), "Fortran order"],
    [write(Float32Array.of(1), { shape: "(1,)", descr: ">f4" }), "'>f4'"],
    [write(Float32Array.of(1), { shape: "(1,)", descr: "|O" }), "'|O'"],
    [write(Float32Array.of(1), { shape: "(1,)" }).slice(0, 20), "within its header"],
  ])("that is not one, or is another, says so", (bytes, words) => {
    expect(() => parseNpy(bytes)).toThrow(words);
  });
});
