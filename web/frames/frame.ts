/**
 * The frame's side of the talk with the page: says when it is ready, takes what to show, answers with its size or with an error.
 *
 * A frame runs foreign code on an opaque origin: it loads nothing, and it believes messages of the window around it only. What is
 * shown is replaced by the next message, never queued: only the newest matters.
 */
import type { ThemeName } from "../src/chart/palette";
import { plain } from "./plain";

export interface Message extends Record<string, unknown> {
  theme: ThemeName;
}

export type Show = (message: Message, root: HTMLElement) => Promise<void> | void;

// A sentence for a person, not a dump; the page cuts as well.
const ERROR_CHARACTERS_MAX = 600;

const tell = (answer: Record<string, unknown>) => window.parent.postMessage(answer, "*");

export function tellError(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  tell({ trackd: "error", message: message.slice(0, ERROR_CHARACTERS_MAX) });
}

/** The message with every key that could reach a prototype left out; null when it is none to show. */
function readMessage(data: unknown): Message | null {
  if (typeof data !== "object" || data === null || (data as Message).trackd !== "show") return null;
  const message = plain(data) as Message;
  return message.theme === "light" || message.theme === "dark" ? message : null;
}

/**
 * Makes this document a frame.
 *
 * @param show draws a message into the root; what it throws is told to the page.
 */
export function serveFrame(show: Show): void {
  const root = document.getElementById("root")!;
  let waiting: Message | null = null;
  let isShowing = false;

  async function showNewest(): Promise<void> {
    if (isShowing) return;
    isShowing = true;
    while (waiting) {
      const message: Message = waiting;
      waiting = null;
      document.documentElement.dataset.theme = message.theme;
      try {
        await show(message, root);
        tell({ trackd: "size", width: root.scrollWidth, height: root.scrollHeight });
      } catch (error) {
        tellError(error);
      }
    }
    isShowing = false;
  }

  addEventListener("message", (event) => {
    if (event.source !== window.parent || window.parent === window) return;
    const message = readMessage(event.data);
    if (!message) return;
    waiting = message;
    void showNewest();
  });
  // Libraries throw out of timers too; behind the drawing such an error spoils a gesture and not the picture.
  addEventListener("unhandledrejection", (event) => {
    if (isShowing) tellError(event.reason);
  });
  tell({ trackd: "ready" });
}
