/**
 * How loud each frequency of a sound is over time, by Fourier transforms of short windows that overlap by half.
 *
 * Of the windows and channels that fall into one column of the picture the loudest counts: a short click is seen at any length.
 */

export interface Spectrogram {
  columns: number;
  /** Frequencies from 0 to `highestHertz`, equally far apart. */
  rows: number;
  /** 0 for what is as quiet as silence, 255 for the loudest; a column's rows behind each other, the lowest first. */
  levels: Uint8Array<ArrayBuffer>;
  durationSeconds: number;
  highestHertz: number;
}

// Long enough to tell tones apart, short enough to tell syllables apart.
const WINDOW_SECONDS = 0.03;
const WINDOW_MIN = 256;
const WINDOW_MAX = 4096;
// More columns than a card is wide.
const COLUMNS_MAX = 1600;
/** So far below the loudest is silence, in decibels. */
export const RANGE_DECIBELS = 90;

/** @param channels of one length each. */
export function spectrogramOf(channels: readonly Float32Array[], rateHertz: number): Spectrogram {
  const length = channels[0]?.length ?? 0;
  const size = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, 2 ** Math.round(Math.log2(rateHertz * WINDOW_SECONDS))));
  const hop = size / 2;
  const rows = size / 2;
  const count = Math.max(1, Math.ceil(length / hop));
  const columns = Math.min(COLUMNS_MAX, count);
  const powers = new Float32Array(columns * rows);
  const transform = new Transform(size);
  const hann = Float64Array.from({ length: size }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / size));
  const { real, imaginary } = transform;
  const fill = (part: Float64Array, samples: Float32Array, window: number) => {
    // The middle of a window is what it stands for: the first and the last reach past the sound.
    const start = Math.round((window + 0.5) * hop - size / 2);
    for (let at = 0; at < size; at++) part[at] = hann[at] * (samples[start + at] ?? 0);
  };
  const note = (window: number, row: number, power: number) => {
    const place = Math.floor((window * columns) / count) * rows + row;
    if (power > powers[place]) powers[place] = power;
  };
  for (const samples of channels) {
    // Two real windows in one complex transform: their spectra are its even and its odd part.
    for (let window = 0; window < count; window += 2) {
      fill(real, samples, window);
      if (window + 1 < count) fill(imaginary, samples, window + 1);
      else imaginary.fill(0);
      transform.run();
      for (let row = 0; row < rows; row++) {
        const mirrored = (size - row) % size;
        const [a, b, c, d] = [real[row], imaginary[row], real[mirrored], imaginary[mirrored]];
        note(window, row, (a + c) ** 2 + (b - d) ** 2);
        if (window + 1 < count) note(window + 1, row, (b + d) ** 2 + (c - a) ** 2);
      }
    }
  }
  return {
    columns,
    rows,
    levels: levelsOf(powers),
    durationSeconds: length / rateHertz,
    highestHertz: rateHertz / 2,
  };
}

function levelsOf(powers: Float32Array): Uint8Array<ArrayBuffer> {
  const levels = new Uint8Array(powers.length);
  const loudest = powers.reduce((most, power) => Math.max(most, power), 0);
  if (loudest === 0) return levels;
  for (let at = 0; at < powers.length; at++) {
    const decibels = 10 * Math.log10(powers[at] / loudest);
    levels[at] = Math.round(Math.max(0, 1 + decibels / RANGE_DECIBELS) * 255);
  }
  return levels;
}

/** A Fourier transform in place, of a size that is a power of two. */
export class Transform {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly reversed: Uint32Array;

  constructor(private readonly size: number) {
    this.real = new Float64Array(size);
    this.imaginary = new Float64Array(size);
    this.cosines = Float64Array.from({ length: size / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / size));
    this.sines = Float64Array.from({ length: size / 2 }, (_, at) => -Math.sin((2 * Math.PI * at) / size));
    this.reversed = new Uint32Array(size);
    for (let at = 1; at < size; at++) this.reversed[at] = (this.reversed[at >> 1] >> 1) | (at & 1 ? size >> 1 : 0);
  }

  run(): void {
    const { real, imaginary, cosines, sines, reversed, size } = this;
    for (let at = 0; at < size; at++) {
      const other = reversed[at];
      if (other <= at) continue;
      [real[at], real[other]] = [real[other], real[at]];
      [imaginary[at], imaginary[other]] = [imaginary[other], imaginary[at]];
    }
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let block = 0; block < size; block += 2 * half) {
        for (let at = 0; at < half; at++) {
          const [low, high] = [block + at, block + at + half];
          const [cosine, sine] = [cosines[at * stride], sines[at * stride]];
          const right = real[high] * cosine - imaginary[high] * sine;
          const up = real[high] * sine + imaginary[high] * cosine;
          real[high] = real[low] - right;
          imaginary[high] = imaginary[low] - up;
          real[low] += right;
          imaginary[low] += up;
        }
      }
    }
  }
}
