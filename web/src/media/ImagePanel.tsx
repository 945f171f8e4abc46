/** An image with its masks and boxes. The image before stays until the new one has come. */
import { use, useEffect, useMemo, useRef, useState } from "react";
import { type ImageBoxes, type ImageDocument, type ImageMask, objectAddress, wholeOf } from "../api/records";
import { formatCount } from "../format/number";
import { useOnScreen } from "../panel/use_on_screen";
import { CardContext, ItemContext } from "./card_context";
import { classColor, classRgb, wordsOn } from "./class_palette";
import styles from "./ImagePanel.module.css";
import { isShown, markClass, type Marks, reachesScores } from "./marks";
import type { RecordPanelProps } from "./panel_props";
import { useBox } from "./use_box";
import { type DecodedMask, useMasks } from "./use_masks";
import { Words } from "./Words";

// The line under an image.
const CAPTION_HEIGHT = 20;
// On images smaller than this, words would hide what they name.
const LABELS_FROM_WIDTH = 140;
const LABEL_HEIGHT = 16;
// Under smaller ones there is room for a caption only.
const EXTENT_FROM_WIDTH = 190;
const CLASS_IDS = 256;

interface Settled {
  /** The last image whose pixels are here, with all that belongs to it. */
  shown: ImageDocument | null;
  isBroken: boolean;
}

function useSettledImage(image: ImageDocument | null, isWanted: boolean): Settled {
  const [shown, setShown] = useState<ImageDocument | null>(null);
  const [broken, setBroken] = useState<ImageDocument | null>(null);
  useEffect(() => {
    if (!image || !isWanted) return;
    let isOver = false;
    const loader = new Image();
    loader.src = objectAddress(image.file);
    loader.decode().then(
      () => !isOver && setShown(image),
      () => !isOver && setBroken(image),
    );
    return () => {
      isOver = true;
    };
  }, [image, isWanted]);
  return { shown, isBroken: broken !== null && broken === image };
}

const NO_MASKS: readonly ImageMask[] = [];

export default function ImagePanel({ document, height }: RecordPanelProps) {
  const root = useRef<HTMLElement>(null);
  const { width } = useBox(root);
  const isOnScreen = useOnScreen(root);
  const image = useMemo(() => wholeOf(document, "image"), [document]);
  const { shown, isBroken } = useSettledImage(image, isOnScreen);
  const { marks, open } = use(CardContext);
  const index = use(ItemContext);
  const masks = shown?.masks ?? NO_MASKS;
  const decoded = useMasks(
    masks.map((mask) => mask.file),
    isOnScreen,
  );

  // Until the first image is here, its place is kept.
  const sized = shown ?? image;
  const room = height - CAPTION_HEIGHT;
  const scale = sized && width > 0 ? Math.min(width / sized.width, room / sized.height) : 0;
  const size = sized ? { width: sized.width * scale, height: sized.height * scale } : { width: 0, height: 0 };
  const caption = sized?.caption ?? "";
  const extent = sized ? `${formatCount(sized.width)} × ${formatCount(sized.height)}` : "";

  const picture = shown && (
    <>
      <img
        src={objectAddress(shown.file)}
        alt={caption || `image, ${extent}`}
        decoding="sync"
        draggable={false}
        data-enlarged={scale > 1}
      />
      {masks.map((mask, at) => (
        <MaskLayer
          key={`${at} ${mask.name}`}
          mask={mask}
          decoded={decoded[at]}
          image={shown}
          marks={marks}
          isEnlarged={scale > 1}
        />
      ))}
      {shown.boxes?.map((group, at) => (
        <BoxLayer key={`${at} ${group.name}`} group={group} image={shown} marks={marks} {...size} />
      ))}
    </>
  );
  return (
    <figure ref={root} className={styles.figure} style={{ height }} aria-busy={shown !== image && !isBroken}>
      <div className={styles.room} style={{ height: isBroken ? room : size.height }}>
        {isBroken ? (
          <Words isTrouble>This image could not be decoded.</Words>
        ) : open && shown ? (
          <button type="button" className={styles.open} style={size} onClick={() => open(index)}>
            {/* Not a label: the words of the boxes are a part of the button's name too. */}
            <span className="visuallyHidden">{`Show ${caption || "the image"} full size`}</span>
            {picture}
          </button>
        ) : (
          <div className={styles.frame} style={size}>
            {picture}
          </div>
        )}
      </div>
      <figcaption className={styles.caption} title={caption ? `${caption} – ${extent}` : extent}>
        <span className={styles.text}>{caption}</span>
        {(width >= EXTENT_FROM_WIDTH || !caption) && <span className={styles.extent}>{extent}</span>}
      </figcaption>
    </figure>
  );
}

interface MaskLayerProps {
  mask: ImageMask;
  decoded: DecodedMask | undefined;
  image: ImageDocument;
  marks: Marks;
  isEnlarged: boolean;
}

function MaskLayer({ mask, decoded, image, marks, isEnlarged }: MaskLayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const names = mask.class_names ?? image.class_names;
  const { switched } = marks;
  useEffect(() => {
    const element = canvas.current;
    if (!element || !decoded) return;
    const colors = new Uint8ClampedArray(CLASS_IDS * 4);
    for (const id of decoded.present) {
      if (!isShown({ switched }, markClass("mask", mask.name, id, names))) continue;
      colors.set([...classRgb(id), 255], id * 4);
    }
    // One number a pixel: four times fewer writes than its four parts.
    const palette = new Uint32Array(colors.buffer);
    element.width = decoded.width;
    element.height = decoded.height;
    const context = element.getContext("2d")!;
    const painted = context.createImageData(decoded.width, decoded.height);
    const pixels = new Uint32Array(painted.data.buffer);
    for (let pixel = 0; pixel < pixels.length; pixel++) pixels[pixel] = palette[decoded.ids[pixel]];
    context.putImageData(painted, 0, 0);
  }, [decoded, mask.name, names, switched]);
  return <canvas ref={canvas} aria-hidden="true" data-enlarged={isEnlarged} style={{ opacity: marks.opacity }} />;
}

interface BoxLayerProps {
  group: ImageBoxes;
  image: ImageDocument;
  marks: Marks;
  /** Of the image on the page, in pixels. */
  width: number;
  height: number;
}

function BoxLayer({ group, image, marks, width, height }: BoxLayerProps) {
  const names = group.class_names ?? image.class_names;
  const boxes = group.boxes.flatMap((box) => {
    const one = markClass("box", group.name, box.class_id, names);
    if (!isShown(marks, one) || !reachesScores(marks, box)) return [];
    const [across, down] = box.pixels ? [width / image.width, height / image.height] : [width, height];
    const scores = Object.values(box.scores ?? {}).flatMap((score) => (score === null ? [] : [score.toPrecision(2)]));
    return [
      {
        id: box.class_id,
        left: box.x_min * across,
        top: box.y_min * down,
        right: box.x_max * across,
        bottom: box.y_max * down,
        label: [box.caption || one.name, ...scores].join(" "),
      },
    ];
  });
  return (
    <>
      <svg className={styles.boxes} width={width} height={height} aria-hidden="true">
        {boxes.map((box, at) => {
          const place = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
          return (
            <g key={at} fill="none">
              {/* A dark edge keeps the line visible where the image has its colour. */}
              <rect {...place} stroke="rgb(0 0 0 / 55%)" strokeWidth="4" />
              <rect {...place} stroke={classColor(box.id)} strokeWidth="2" />
            </g>
          );
        })}
      </svg>
      {width >= LABELS_FROM_WIDTH &&
        boxes.map((box, at) => (
          <span
            key={at}
            className={styles.label}
            style={{
              left: Math.max(0, box.left - 1),
              top: box.top >= LABEL_HEIGHT ? box.top - LABEL_HEIGHT : Math.max(0, box.top),
              maxWidth: Math.max(48, width - box.left),
              background: classColor(box.id),
              color: wordsOn(box.id),
            }}
          >
            {box.label}
          </span>
        ))}
    </>
  );
}
