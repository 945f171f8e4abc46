/** The samples of sounds, what is drawn of them, how a card's are heard; and that one plays at a time. */
import { fetchObjectBytes, type FileRef } from "../api/records";
import { CardChoices } from "./card_choices";
import { openSpectrogramWorker } from "./open_spectrogram_worker";
import type { Spectrogram } from "./spectrogram";
import type { SpectrogramQuestion } from "./spectrogram_worker";
import { outlineOf, type Waveform } from "./waveform";

export interface SoundChoices {
  isSpectrogram: boolean;
  isLooped: boolean;
}

export const soundChoices = new CardChoices<SoundChoices>({ isSpectrogram: false, isLooped: false });

// The rate samples are decoded to where the sound's own is not known, or none that browsers decode to.
const DECODE_RATE = 44_100;
const RATE_MIN = 8000;
const RATE_MAX = 96_000;

async function decode(file: FileRef, rateHertz: number, signal: AbortSignal): Promise<AudioBuffer> {
  const bytes = await fetchObjectBytes(file, signal);
  // Off line: a page may not open a real audio context before a person has clicked.
  return new OfflineAudioContext(1, 1, rateHertz).decodeAudioData(bytes);
}

const channelsOf = (buffer: AudioBuffer) =>
  Array.from({ length: buffer.numberOfChannels }, (_, at) => buffer.getChannelData(at));

export async function readWaveform(file: FileRef, signal: AbortSignal): Promise<Waveform> {
  const buffer = await decode(file, DECODE_RATE, signal);
  return outlineOf(channelsOf(buffer), buffer.duration);
}

/** At the sound's own rate: another one would add frequencies that it does not have, or take some away. */
export async function readSpectrogram(
  file: FileRef,
  rateHertz: number | undefined,
  signal: AbortSignal,
): Promise<Spectrogram> {
  const rate = rateHertz && rateHertz >= RATE_MIN && rateHertz <= RATE_MAX ? rateHertz : DECODE_RATE;
  const channels = channelsOf(await decode(file, rate, signal)).map((samples) => samples.slice());
  signal.throwIfAborted();
  const worker = openSpectrogramWorker();
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Spectrogram>) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      const question: SpectrogramQuestion = { channels, rateHertz: rate };
      worker.postMessage(
        question,
        channels.map((samples) => samples.buffer),
      );
    });
  } finally {
    worker.terminate();
  }
}

let playing: HTMLAudioElement | null = null;

// "play" does not bubble, but is heard on its way down; players in tables are heard as well.
document.addEventListener(
  "play",
  ({ target }) => {
    if (!(target instanceof HTMLAudioElement)) return;
    if (playing !== target) playing?.pause();
    playing = target;
  },
  { capture: true },
);
