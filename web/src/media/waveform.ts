/** The outline of a sound: the least and the greatest sample of each of many short parts, over all channels. */

export interface Waveform {
  durationSeconds: number;
  /** Each in −1 to 1, as many as there are parts. */
  lows: Float32Array;
  highs: Float32Array;
}

// More parts than a card is wide, so that no loud sample falls between two pixels.
export const WAVEFORM_PARTS = 2000;

export function outlineOf(
  channels: readonly Float32Array[],
  durationSeconds: number,
  parts = WAVEFORM_PARTS,
): Waveform {
  const length = channels[0]?.length ?? 0;
  const count = Math.min(parts, length);
  const lows = new Float32Array(count);
  const highs = new Float32Array(count);
  for (let part = 0; part < count; part++) {
    const end = Math.floor(((part + 1) * length) / count);
    let [low, high] = [Infinity, -Infinity];
    for (const samples of channels) {
      for (let at = Math.floor((part * length) / count); at < end; at++) {
        if (samples[at] < low) low = samples[at];
        if (samples[at] > high) high = samples[at];
      }
    }
    lows[part] = low;
    highs[part] = high;
  }
  return { durationSeconds, lows, highs };
}
