/** Starts a worker that makes spectrograms, from its script in this file. */
import SpectrogramWorker from "../media/spectrogram_worker?worker&inline";

export const openSpectrogramWorker = (): Worker => new SpectrogramWorker({ name: "trackd-spectrogram" });
