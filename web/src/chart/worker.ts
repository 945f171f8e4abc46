/** The drawing worker: paints every chart of the page off the main thread; of several paintings waiting for a chart only the last is drawn. */
import type { FromWorker, ToWorker } from "./messages";
import { Painter } from "./painter";
import type { PaintRequest } from "./painting";

interface Waiting {
  sequence: number;
  request: PaintRequest;
}

const painters = new Map<number, Painter>();
const waiting = new Map<number, Waiting>();
let isScheduled = false;

self.onmessage = ({ data: message }: MessageEvent<ToWorker>) => {
  if (message.type === "open") painters.set(message.chart, new Painter(message.canvas));
  else if (message.type === "close") {
    painters.delete(message.chart);
    waiting.delete(message.chart);
  } else {
    const before = waiting.get(message.chart);
    // A painting that is skipped may have carried columns that the next one relies on.
    const changed = before ? [...before.request.changed, ...message.request.changed] : message.request.changed;
    waiting.set(message.chart, { sequence: message.sequence, request: { ...message.request, changed } });
    schedule();
  }
};

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(paintWaiting);
}

function paintWaiting(): void {
  isScheduled = false;
  for (const [chart, { sequence, request }] of waiting) {
    painters.get(chart)?.paint(request);
    self.postMessage({ type: "painted", chart, sequence } satisfies FromWorker);
  }
  waiting.clear();
}
