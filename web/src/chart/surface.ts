/** A canvas that can be painted on: by the worker where the browser can, otherwise by the main thread. */
import type { FromWorker, ToWorker } from "./messages";
import { openWorker } from "./open_worker";
import { Painter } from "./painter";
import type { PaintRequest } from "./painting";

export interface Surface {
  readonly canvas: HTMLCanvasElement;
  /** Paints soon; `onPainted` of `openSurface` hears the same `sequence` when it is done. */
  paint(request: PaintRequest, sequence: number): void;
  close(): void;
}

export type OnPainted = (sequence: number) => void;

let worker: Worker | null = null;
let isWorkerBroken = false;
let nextChart = 1;
const listeners = new Map<number, OnPainted>();

function sharedWorker(): Worker | null {
  const canTransfer = typeof HTMLCanvasElement.prototype.transferControlToOffscreen === "function";
  if (isWorkerBroken || typeof Worker === "undefined" || !canTransfer) return null;
  if (!worker) {
    try {
      worker = openWorker();
    } catch {
      isWorkerBroken = true;
      return null;
    }
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => listeners.get(data.chart)?.(data.sequence);
    worker.onerror = () => {
      isWorkerBroken = true;
    };
  }
  return worker;
}

export function openSurface(onPainted: OnPainted): Surface {
  const canvas = document.createElement("canvas");
  const shared = sharedWorker();
  return shared ? workerSurface(canvas, shared, onPainted) : mainThreadSurface(canvas, onPainted);
}

function workerSurface(canvas: HTMLCanvasElement, shared: Worker, onPainted: OnPainted): Surface {
  const chart = nextChart++;
  const say = (message: ToWorker, transfer: Transferable[] = []) => shared.postMessage(message, transfer);
  const offscreen = canvas.transferControlToOffscreen();
  listeners.set(chart, onPainted);
  say({ type: "open", chart, canvas: offscreen }, [offscreen]);
  return {
    canvas,
    paint: (request, sequence) => say({ type: "paint", chart, sequence, request }),
    close: () => {
      listeners.delete(chart);
      say({ type: "close", chart });
    },
  };
}

function mainThreadSurface(canvas: HTMLCanvasElement, onPainted: OnPainted): Surface {
  const painter = new Painter(canvas);
  let isOpen = true;
  return {
    canvas,
    paint: (request, sequence) => {
      requestAnimationFrame(() => {
        if (!isOpen) return;
        painter.paint(request);
        onPainted(sequence);
      });
    },
    close: () => {
      isOpen = false;
    },
  };
}
