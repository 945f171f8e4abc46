// Writes the few file formats that the mock daemon's records are made of: PNG, GIF, WAV and NumPy's .npy.
import { deflateSync } from "node:zlib";

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc >>> 0;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function pngChunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** @param pixel gives a grey value or [red, green, blue] for each x, y. */
export function png(width, height, pixel) {
  const channels = Array.isArray(pixel(0, 0)) ? 3 : 1;
  const rows = Buffer.alloc(height * (1 + width * channels));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + width * channels) + 1 + x * channels;
      const parts = pixel(x, y);
      if (channels === 1) rows[at] = parts;
      else for (let c = 0; c < 3; c++) rows[at + c] = Math.max(0, Math.min(255, parts[c]));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", head),
    pngChunk("IDAT", deflateSync(rows)),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A moving image in 256 greys; the codes are not packed: each pixel is one, cleared before they would grow. */
export function gif(width, height, frameCount, hundredths, pixel) {
  const u16 = (value) => [value & 255, value >> 8];
  const palette = Array.from({ length: 256 }, (_, i) => [i, Math.round(i * 0.8), 255 - i]).flat();
  const out = [...Buffer.from("GIF89a"), ...u16(width), ...u16(height), 0xf7, 0, 0, ...palette];
  out.push(0x21, 0xff, 11, ...Buffer.from("NETSCAPE2.0"), 3, 1, 0, 0, 0);
  for (let frame = 0; frame < frameCount; frame++) {
    out.push(0x21, 0xf9, 4, 0, ...u16(hundredths), 0, 0, 0x2c, 0, 0, 0, 0, ...u16(width), ...u16(height), 0, 8);
    const bytes = [];
    let bits = 0;
    let count = 0;
    const code = (value) => {
      bits |= value << count;
      for (count += 9; count >= 8; count -= 8, bits >>= 8) bytes.push(bits & 255);
    };
    for (let at = 0; at < width * height; at++) {
      if (at % 250 === 0) code(256);
      code(pixel(at % width, Math.floor(at / width), frame));
    }
    code(257);
    if (count > 0) bytes.push(bits & 255);
    for (let at = 0; at < bytes.length; at += 255) {
      const block = bytes.slice(at, at + 255);
      out.push(block.length, ...block);
    }
    out.push(0);
  }
  out.push(0x3b);
  return Buffer.from(out);
}

/** 16 bits, one channel; samples in −1 to 1. */
export function wav(rate, samples) {
  const out = Buffer.alloc(44 + samples.length * 2);
  out.write("RIFF", 0);
  out.writeUInt32LE(36 + samples.length * 2, 4);
  out.write("WAVEfmt ", 8);
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(rate, 24);
  out.writeUInt32LE(rate * 2, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write("data", 36);
  out.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, at) => out.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), 44 + at * 2));
  return out;
}

export function npy(shape, values) {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  let head = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  while ((10 + head.length + 1) % 64 !== 0) head += " ";
  head += "\n";
  const data = Buffer.from(Float32Array.from(values).buffer);
  const prefix = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, head.length & 255, head.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(head, "latin1"), data]);
}
