/** Starts the worker that paints charts, from its script in this file. */
import ChartWorker from "../chart/worker?worker&inline";

export const openWorker = (): Worker => new ChartWorker({ name: "trackd-charts" });
