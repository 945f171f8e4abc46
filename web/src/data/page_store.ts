/** The one series store of the page, in the browser's surroundings. */
import { postForBytes } from "../api/http";
import { SERIES_ADDRESS } from "../api/routes";
import { decodeSeries } from "../api/series";
import { SeriesStore } from "./series_store";

export const seriesStore = new SeriesStore({
  ask: async (body) => decodeSeries(await postForBytes(SERIES_ADDRESS, body)),
  isHidden: () => document.visibilityState === "hidden",
  nextFrame: (task) => requestAnimationFrame(task),
  later: (task, milliseconds) => setTimeout(task, milliseconds),
  now: () => performance.now(),
});

document.addEventListener("visibilitychange", () => seriesStore.wake());
