/** The one WebGL context of a panel, while it is on the screen. */
import { type RefObject, useEffect, useRef, useState } from "react";
import type { RecordPanelProps } from "../media/panel_props";
import { Words } from "../media/Words";
import type { CameraLink } from "./camera_link";
import type { DrawnScene } from "./content";
import styles from "./ScenePanel.module.css";
import type { SceneSettings } from "./settings";
import type { UpAxis } from "./first_view";
import type { Viewpoint } from "./scene_camera";
import { SceneViewer } from "./viewer";

interface CanvasProps {
  drawn: DrawnScene;
  settings: SceneSettings;
  up: UpAxis;
  /** The cameras that this one moves with; null for none. */
  link: CameraLink | null;
  theme: RecordPanelProps["theme"];
  label: string;
  rootRef: RefObject<HTMLElement | null>;
  viewerRef: RefObject<SceneViewer | null>;
  viewpointRef: RefObject<Viewpoint | null>;
}

export function SceneCanvas(props: CanvasProps) {
  const { drawn, settings, up, link, theme, label, rootRef, viewerRef, viewpointRef } = props;
  const { pointSize, hasGrid, hasLabels } = settings;
  const container = useRef<HTMLDivElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const element = container.current;
    if (!element || !labels.current) return;
    const own = SceneViewer.open(element, labels.current, setProblem);
    if (!own) return;
    viewerRef.current = own;
    const resize = () => own.resize(element.clientWidth, element.clientHeight);
    resize();
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    return () => {
      observer.disconnect();
      viewpointRef.current = own.viewpoint;
      viewerRef.current = null;
      own.dispose();
    };
  }, [attempt, viewerRef, viewpointRef]);

  useEffect(() => viewerRef.current?.setUp(up), [up, attempt, viewerRef]);
  useEffect(() => {
    viewerRef.current?.show(drawn, viewpointRef.current);
    if (rootRef.current) rootRef.current.dataset.points = String(drawn.pointCount);
  }, [drawn, attempt, rootRef, viewerRef, viewpointRef]);
  // Behind what shows the scene, which a place in it is told by.
  useEffect(() => {
    const viewer = viewerRef.current;
    if (!viewer || !link) return;
    const leave = link.join(viewer);
    viewer.onMove = (shot) => link.moved(viewer, shot);
    return () => {
      viewer.onMove = null;
      leave();
    };
  }, [link, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setLabels(hasLabels), [hasLabels, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setTheme(theme), [theme, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setHelpers(hasGrid), [hasGrid, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setPointSize(pointSize), [pointSize, drawn, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setLabel(label), [label, attempt, viewerRef]);

  return (
    <>
      <div ref={container} className={styles.canvas} />
      <div ref={labels} className={styles.labels} aria-hidden="true" />
      {problem && (
        <div className={styles.problem}>
          <Words isTrouble>
            {`Cannot be drawn: ${problem}. `}
            <button
              type="button"
              onClick={() => {
                setProblem(null);
                setAttempt(attempt + 1);
              }}
            >
              Try again
            </button>
          </Words>
        </div>
      )}
    </>
  );
}
