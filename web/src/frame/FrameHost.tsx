/**
 * A frame on the page: mounted only while it is on the screen, told what to show by messages, believed only about its size and its
 * errors.
 *
 * Foreign code runs in the frame alone: on an opaque origin, without the page's cookies, and without a way to load anything. What it
 * says is text from a stranger.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { resource } from "../api/resource";
import type { ThemeName } from "../chart/palette";
import { Words } from "../media/Words";
import { useOnScreen } from "../panel/use_on_screen";
import { type FrameAnswer, readAnswer } from "./answer";
import styles from "./FrameHost.module.css";

export type FrameName = "vega" | "plotly" | "bokeh" | "molecule";

export interface FrameHostProps {
  name: FrameName;
  /** What the frame shows, in words. */
  title: string;
  /** The fields of the message beside the theme (docs/records.md); another object is sent anew, without another frame. */
  content: Record<string, unknown>;
  theme: ThemeName;
  /** CSS pixels. */
  height: number;
}

type State = Exclude<FrameAnswer, { kind: "ready" }> | { kind: "waiting" };

export function FrameHost({ name, title, content, theme, height }: FrameHostProps) {
  const root = useRef<HTMLDivElement>(null);
  const isOnScreen = useOnScreen(root);
  return (
    <div ref={root} className={styles.host} style={{ height }} data-testid="frame" data-frame={name}>
      {isOnScreen && <LiveFrame name={name} title={title} content={content} theme={theme} height={height} />}
    </div>
  );
}

function LiveFrame({ name, title, content, theme }: FrameHostProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [isReady, setReady] = useState(false);
  const [state, setState] = useState<State>({ kind: "waiting" });

  // Before the frame can have loaded: it says only once that it is ready.
  useLayoutEffect(() => {
    const listen = (event: MessageEvent<unknown>) => {
      // Origin "null": the frame is still the sandboxed page that was put there.
      if (!frame.current || event.source !== frame.current.contentWindow || event.origin !== "null") return;
      const answer = readAnswer(event.data);
      if (answer?.kind === "ready") setReady(true);
      else if (answer) setState(answer);
    };
    addEventListener("message", listen);
    return () => removeEventListener("message", listen);
  }, []);

  useEffect(() => {
    // To any origin: a sandboxed frame has none that could be named.
    if (isReady) frame.current?.contentWindow?.postMessage({ ...content, trackd: "show", theme }, "*");
  }, [isReady, content, theme]);

  const isFailed = state.kind === "error";
  return (
    <>
      <iframe
        ref={frame}
        className={styles.frame}
        // Only scripts: no origin of ours, no pop-ups, no navigation of the page, no downloads.
        sandbox="allow-scripts"
        src={resource(`/frames/${name}.html`)}
        title={title}
        data-state={state.kind}
        aria-hidden={isFailed || undefined}
      />
      {state.kind !== "size" && (
        <div className={styles.words}>
          <Words isTrouble={isFailed}>{isFailed ? `Cannot be drawn: ${state.message}` : "Drawing …"}</Words>
        </div>
      )}
    </>
  );
}
