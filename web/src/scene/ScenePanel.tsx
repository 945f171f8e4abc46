/** A 3D object: a model or a scene of points, boxes and vectors, to be turned, moved and zoomed. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { type Object3dDocument, wholeOf } from "../api/records";
import { formatCount, formatValue, plural } from "../format/number";
import { Caption } from "../media/Caption";
import type { RecordPanelProps } from "../media/panel_props";
import { Words } from "../media/Words";
import { useOnScreen } from "../panel/use_on_screen";
import { type DrawnScene, fetchSceneData, LABELS_MAX, makeContent, type SceneData } from "./content";
import styles from "./ScenePanel.module.css";
import { SceneViewer, type UpAxis, type Viewpoint } from "./viewer";

const CAPTION_HEIGHT = 20;
const POINT_SIZES = { min: 1, max: 8, first: 2 };

export default function ScenePanel({ document, height, theme }: RecordPanelProps) {
  const object = wholeOf(document, "object_3d");
  if (!object) return null;
  return <LoadedScene document={object} height={height} theme={theme} />;
}

interface LoadedSceneProps extends Pick<RecordPanelProps, "height" | "theme"> {
  document: Object3dDocument;
}

/** Fetches what the document names, once it is on the screen. */
function LoadedScene({ document, height, theme }: LoadedSceneProps) {
  const root = useRef<HTMLElement>(null);
  const isOnScreen = useOnScreen(root);
  const { data, error, refetch } = useQuery({
    queryKey: ["scene", JSON.stringify(document)],
    queryFn: ({ signal }) => fetchSceneData(document, signal),
    enabled: isOnScreen,
    // Arrays and meshes may be hundreds of megabytes: they go with the panel, and are compared by none.
    gcTime: 0,
    structuralSharing: false,
    // Stepping through a run shows one scene until the next is there, from where a person looks.
    placeholderData: keepPreviousData,
  });
  const stageHeight = height - CAPTION_HEIGHT;
  return (
    <figure ref={root} className={styles.panel} style={{ height }} data-testid="scene">
      {data && (
        <Stage
          key={data.kind === "model" ? data.up : data.kind}
          data={data}
          caption={document.caption}
          height={stageHeight}
          isOnScreen={isOnScreen}
          theme={theme}
          rootRef={root}
        />
      )}
      {!data && !error && <Words height={stageHeight}>Loading …</Words>}
      {error && (
        <Words height={stageHeight} isTrouble>
          {`Cannot be drawn: ${error.message}. `}
          <button type="button" onClick={() => void refetch()}>
            Try again
          </button>
        </Words>
      )}
    </figure>
  );
}

interface StageProps {
  data: SceneData;
  caption: string | undefined;
  /** Of the stage without the line under it, in CSS pixels. */
  height: number;
  isOnScreen: boolean;
  theme: RecordPanelProps["theme"];
  rootRef: RefObject<HTMLElement | null>;
}

function Stage({ data, caption, height, isOnScreen, theme, rootRef }: StageProps) {
  const [pointSize, setPointSize] = useState(POINT_SIZES.first);
  const [hasHelpers, setHelpers] = useState(true);
  const [up, setUp] = useState<UpAxis>(data.kind === "model" ? data.up : "z");
  const scores = useMemo(() => scoreRange(data), [data]);
  const [scoreMin, setScoreMin] = useState(-Infinity);
  const drawn = useMemo(() => makeContent(data, theme, scoreMin), [data, theme, scoreMin]);
  // Outlives the viewer, which goes whenever the panel leaves the screen.
  const viewpointRef = useRef<Viewpoint | null>(null);
  const viewerRef = useRef<SceneViewer | null>(null);
  const hasPoints = data.kind === "scene" ? data.points !== null : false;

  return (
    <>
      <div className={styles.stage} style={{ height }}>
        {isOnScreen && (
          <Canvas
            drawn={drawn}
            pointSize={pointSize}
            hasHelpers={hasHelpers}
            up={up}
            theme={theme}
            label={describe(data, drawn)}
            rootRef={rootRef}
            viewerRef={viewerRef}
            viewpointRef={viewpointRef}
          />
        )}
        <div className={styles.controls}>
          {hasPoints && (
            <label>
              <span>Point size</span>
              <input
                type="range"
                min={POINT_SIZES.min}
                max={POINT_SIZES.max}
                value={pointSize}
                onChange={(event) => setPointSize(event.target.valueAsNumber)}
              />
            </label>
          )}
          {scores && (
            <label>
              <span>{`Score ≥ ${formatValue(Math.max(scoreMin, scores.min), 2)}`}</span>
              <input
                type="range"
                min={scores.min}
                max={scores.max}
                step={(scores.max - scores.min) / 100}
                value={Math.max(scoreMin, scores.min)}
                onChange={(event) => setScoreMin(event.target.valueAsNumber)}
              />
            </label>
          )}
          <button
            type="button"
            className="quiet"
            title="The axis that points up"
            onClick={() => setUp(up === "z" ? "y" : "z")}
          >
            {`${up} up`}
          </button>
          <button type="button" className="quiet" aria-pressed={hasHelpers} onClick={() => setHelpers(!hasHelpers)}>
            Grid
          </button>
          <button type="button" className="quiet" onClick={() => viewerRef.current?.resetView()}>
            Reset view
          </button>
        </div>
      </div>
      <Caption text={caption} facts={[describe(data, drawn)]} />
    </>
  );
}

function scoreRange(data: SceneData): { min: number; max: number } | null {
  if (data.kind === "model") return null;
  const scores = data.boxes.flatMap((box) => (box.score === undefined ? [] : [box.score]));
  const [min, max] = [Math.min(...scores), Math.max(...scores)];
  return min < max ? { min, max } : null;
}

function describe(data: SceneData, drawn: DrawnScene): string {
  if (data.kind === "model") {
    const vertices = plural(data.vertexCount, "vertex", "vertices");
    if (data.refusedCount === 0) return vertices;
    return `${vertices} · without ${plural(data.refusedCount, "picture")} from other files`;
  }
  const { pointCount, skippedPointCount, boxCount, unlabelledBoxCount, vectorCount } = drawn;
  const parts = [
    data.points && plural(pointCount, "point"),
    data.boxes.length > 0 &&
      (boxCount === data.boxes.length
        ? plural(boxCount, "box", "boxes")
        : `${formatCount(boxCount)} of ${plural(data.boxes.length, "box", "boxes")}`),
    vectorCount > 0 && plural(vectorCount, "vector"),
    skippedPointCount > 0 && `${plural(skippedPointCount, "point")} NaN or infinite`,
    data.brokenBoxCount > 0 && `${plural(data.brokenBoxCount, "box", "boxes")} without eight corners`,
    unlabelledBoxCount > 0 && `labels at the first ${formatCount(LABELS_MAX)}`,
  ].filter((part): part is string => typeof part === "string");
  return parts.length > 0 ? parts.join(" · ") : "The scene is empty.";
}

interface CanvasProps {
  drawn: DrawnScene;
  pointSize: number;
  hasHelpers: boolean;
  up: UpAxis;
  theme: RecordPanelProps["theme"];
  label: string;
  rootRef: RefObject<HTMLElement | null>;
  viewerRef: RefObject<SceneViewer | null>;
  viewpointRef: RefObject<Viewpoint | null>;
}

/** The one WebGL context of a panel, while it is on the screen. */
function Canvas({ drawn, pointSize, hasHelpers, up, theme, label, rootRef, viewerRef, viewpointRef }: CanvasProps) {
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
  useEffect(() => viewerRef.current?.setTheme(theme), [theme, attempt, viewerRef]);
  useEffect(() => viewerRef.current?.setHelpers(hasHelpers), [hasHelpers, attempt, viewerRef]);
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
