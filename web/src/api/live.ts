/** The live socket of one project: hears of runs that changed, and comes back by itself when the connection is lost. */
import { LIVE_ADDRESS } from "./routes";
import type { LiveMessage, Run } from "./types";

export type LiveState = "connecting" | "open" | "lost";

const FIRST_WAIT_MS = 500;
const WAIT_MAX_MS = 10_000;

export interface LiveListener {
  message(message: LiveMessage): void;
  /** `isAgain` says that the connection had been open before: what happened meanwhile is not known. */
  state(state: LiveState, isAgain: boolean): void;
}

/** Opens the socket. Returns what closes it. */
export function openLive(project: string, listener: LiveListener): () => void {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;
  let hasBeenOpen = false;
  let isClosed = false;

  const connect = () => {
    clearTimeout(timer);
    if (isClosed || socket) return;
    const known = new Map<string, Run>();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${LIVE_ADDRESS}?project=${encodeURIComponent(project)}`);
    socket.onopen = () => {
      wait = FIRST_WAIT_MS;
      listener.state("open", hasBeenOpen);
      hasBeenOpen = true;
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data as string) as LiveMessage;
      if (message.type === "runs") listener.message(wholeMessage(message, known));
    };
    socket.onclose = () => {
      socket = null;
      if (isClosed) return;
      listener.state("lost", hasBeenOpen);
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, WAIT_MAX_MS);
    };
  };

  // A person who comes back to the page should not wait for the timer.
  const onVisible = () => {
    if (document.visibilityState === "visible") connect();
  };
  document.addEventListener("visibilitychange", onVisible);
  listener.state("connecting", false);
  connect();

  return () => {
    isClosed = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisible);
    socket?.close();
  };
}

/** The message with each run's whole brief form: of a run that was told of before, the daemon sends what is new alone. */
export function wholeMessage(message: LiveMessage, known: Map<string, Run>): LiveMessage {
  for (const id of message.removed) known.delete(id);
  const runs = message.runs.map((news) => {
    const run = { ...known.get(news.run_id), ...news };
    known.set(run.run_id, run);
    return run;
  });
  return { ...message, runs };
}
