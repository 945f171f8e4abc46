/** Starts the worker that paints charts. In an exported page its script is in the file (`export/open_worker.ts`). */

export const openWorker = (): Worker =>
  new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "trackd-charts" });
