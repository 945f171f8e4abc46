/**
 * Reads arrays in NumPy's `.npy` format, versions 1 to 3: a magic word, a Python dictionary as text, then the numbers.
 *
 * Numbers are little-endian, as every machine with a browser has them, and in C order (the last axis runs fastest).
 */

export type NpyNumbers =
  Float32Array | Float64Array | Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

export interface Npy {
  /** NumPy's short form, as `<f4`. */
  dtype: string;
  shape: number[];
  /** All elements, the last axis fastest. */
  data: NpyNumbers;
}

const MAGIC = "\x93NUMPY";

/** A half in bits to its number: IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

interface Reader {
  size: number;
  read(bytes: ArrayBuffer, count: number): NpyNumbers;
}

const READERS: Record<string, Reader> = {
  "<f2": { size: 2, read: (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber) },
  "<f4": { size: 4, read: (bytes) => new Float32Array(bytes) },
  "<f8": { size: 8, read: (bytes) => new Float64Array(bytes) },
  "|u1": { size: 1, read: (bytes) => new Uint8Array(bytes) },
  "|i1": { size: 1, read: (bytes) => new Int8Array(bytes) },
  "|b1": { size: 1, read: (bytes) => new Uint8Array(bytes) },
  "<u2": { size: 2, read: (bytes) => new Uint16Array(bytes) },
  "<i2": { size: 2, read: (bytes) => new Int16Array(bytes) },
  "<u4": { size: 4, read: (bytes) => new Uint32Array(bytes) },
  "<i4": { size: 4, read: (bytes) => new Int32Array(bytes) },
  // As doubles: coordinates and categories lie far within the 2^53 that these hold exactly.
  "<u8": { size: 8, read: (bytes) => Float64Array.from(new BigUint64Array(bytes), Number) },
  "<i8": { size: 8, read: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number) },
};

function entry(header: string, name: string, form: string): string {
  const found = new RegExp(`['"]${name}['"]\\s*:\\s*${form}`).exec(header);
  if (!found) throw new Error(`the array's header says no ${name}: '${header.slice(0, 80)}'`);
  return found[1];
}

/**
 * Parses a whole file.
 *
 * @throws Error when it is no such file, is cut off, or holds another kind of numbers or order.
 */
export function parseNpy(bytes: ArrayBuffer): Npy {
  const head = new Uint8Array(bytes, 0, Math.min(bytes.byteLength, 8));
  if (head.length < 8 || String.fromCharCode(...head.subarray(0, 6)) !== MAGIC) {
    throw new Error(`the array's ${bytes.byteLength} bytes do not begin as a .npy file does`);
  }
  const major = head[6];
  if (major < 1 || major > 3) throw new Error(`the array is a .npy file of version ${major}; 1 to 3 are read`);
  const lengthSize = major === 1 ? 2 : 4;
  const headerStart = 8 + lengthSize;
  if (bytes.byteLength < headerStart) throw new Error("the array's file ends within its header");
  const view = new DataView(bytes);
  const headerSize = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = headerStart + headerSize;
  if (bytes.byteLength < start) throw new Error("the array's file ends within its header");
  const header = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(
    new Uint8Array(bytes, headerStart, headerSize),
  );

  const dtype = entry(header, "descr", "['\"]([^'\"]+)['\"]");
  const reader = Object.hasOwn(READERS, dtype) ? READERS[dtype] : undefined;
  if (!reader) throw new Error(`the array's numbers are '${dtype}'; drawn are ${Object.keys(READERS).join(" ")}`);
  if (entry(header, "fortran_order", "(True|False)") === "True") {
    throw new Error("the array is stored in Fortran order; only C order is read");
  }
  const shape = entry(header, "shape", "\\(([^)]*)\\)")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(Number);
  const count = shape.reduce((product, length) => product * length, 1);
  const end = start + count * reader.size;
  if (!Number.isSafeInteger(count) || bytes.byteLength < end) {
    throw new Error(`the array's file is ${bytes.byteLength} bytes; ${shape.join(" × ")} of '${dtype}' need ${end}`);
  }
  // A copy: views must begin at a multiple of their numbers' size, which a header may not grant.
  return { dtype, shape, data: reader.read(bytes.slice(start, end), count) };
}
