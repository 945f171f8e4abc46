/** A 3D object: a model or a scene of points, boxes and vectors, to be turned, moved and zoomed. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RefObject, use, useEffect, useId, useMemo, useRef, useSyncExternalStore } from "react";
import { type Object3dDocument, wholeOf } from "../api/records";
import { formatValue } from "../format/number";
import { Caption } from "../media/Caption";
import { useCardChoices } from "../media/card_choices";
import { CardContext } from "../media/card_context";
import type { RecordPanelProps } from "../media/panel_props";
import { Words } from "../media/Words";
import { useOnScreen } from "../panel/use_on_screen";
import type { CameraLink } from "./camera_link";
import { fetchSceneData, makeCloud, makeContent, type SceneData } from "./content";
import { SceneCanvas } from "./SceneCanvas";
import { describe, scoreRange } from "./scene_words";
import { SceneMenu } from "./SceneMenu";
import { sceneSettings } from "./settings";
import styles from "./ScenePanel.module.css";
import type { UpAxis } from "./first_view";
import type { Viewpoint } from "./scene_camera";
import type { SceneViewer } from "./viewer";

const CAPTION_HEIGHT = 20;
const SCORE_STEPS = 100;

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
  const { card, cameras } = use(CardContext);
  const alone = useId();
  const [settings, change] = useCardChoices(sceneSettings, card ?? alone);
  const countOfScenes = useCountOfScenes(cameras);
  const up = settings.up ?? (data.kind === "model" ? data.up : "z");
  const heightAxis = settings.coloring === "height" ? up : null;
  const scores = useMemo(() => scoreRange(data), [data]);
  const cloud = useMemo(() => makeCloud(data, theme, heightAxis), [data, theme, heightAxis]);
  const drawn = useMemo(
    () => makeContent(data, cloud, theme, settings.scoreMin),
    [data, cloud, theme, settings.scoreMin],
  );
  const link = settings.isLinked ? cameras : null;
  // Outlives the viewer, which goes whenever the panel leaves the screen.
  const viewpointRef = useRef<Viewpoint | null>(null);
  const viewerRef = useRef<SceneViewer | null>(null);
  const words = describe(data, drawn);
  const resetView = () => (link ? link.resetViews() : viewerRef.current?.resetView());
  const changeAxis = (axis: UpAxis) => {
    // Another axis shows the scene as a whole again, and with it all that are linked.
    link?.resetViews();
    change({ up: axis });
  };
  const toggleLink = () => {
    // All look from where this one does.
    if (!link && viewerRef.current) cameras?.moved(viewerRef.current, viewerRef.current.shot);
    change({ isLinked: !settings.isLinked });
  };

  return (
    <>
      <div className={styles.stage} style={{ height }}>
        {isOnScreen && (
          <SceneCanvas
            drawn={drawn}
            settings={settings}
            up={up}
            link={link}
            theme={theme}
            label={words}
            rootRef={rootRef}
            viewerRef={viewerRef}
            viewpointRef={viewpointRef}
          />
        )}
        <div className={styles.controls}>
          {scores && (
            <label>
              <span>{`Score ≥ ${formatValue(Math.max(settings.scoreMin, scores.min), 2)}`}</span>
              <input
                type="range"
                min={scores.min}
                max={scores.max}
                step={(scores.max - scores.min) / SCORE_STEPS}
                value={Math.max(settings.scoreMin, scores.min)}
                onChange={(event) => change({ scoreMin: event.target.valueAsNumber })}
              />
            </label>
          )}
          {countOfScenes > 1 && (
            <label title="All scenes of the card turn, move and zoom together">
              <input type="checkbox" checked={settings.isLinked} onChange={toggleLink} />
              <span>linked</span>
            </label>
          )}
          <button type="button" className="quiet" onClick={resetView}>
            Reset view
          </button>
          <SceneMenu {...{ data, drawn, settings, up, change, changeAxis }} />
        </div>
      </div>
      <Caption text={caption} facts={[words]} />
    </>
  );
}

const NEVER = () => () => {};

/** How many scenes the card has loaded; counts its own. */
function useCountOfScenes(cameras: CameraLink | null): number {
  useEffect(() => cameras?.addScene(), [cameras]);
  return useSyncExternalStore(cameras?.subscribe ?? NEVER, cameras?.countOfScenes ?? (() => 1));
}
