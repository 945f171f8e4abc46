/** The worker that makes the spectrogram of one sound. */
import { spectrogramOf } from "./spectrogram";

export interface SpectrogramQuestion {
  channels: Float32Array[];
  rateHertz: number;
}

self.onmessage = ({ data }: MessageEvent<SpectrogramQuestion>) => {
  const answer = spectrogramOf(data.channels, data.rateHertz);
  self.postMessage(answer, { transfer: [answer.levels.buffer] });
};
