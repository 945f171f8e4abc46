/** Starts a worker that makes spectrograms. In an exported page its script is in the file (`export/open_spectrogram_worker.ts`). */

export const openSpectrogramWorker = (): Worker =>
  new Worker(new URL("./spectrogram_worker.ts", import.meta.url), { type: "module", name: "trackd-spectrogram" });
