/** A small picture of a large image, and what lies over an image: a mask as the colours of its classes, boxes with their words. */
import { useEffect, useLayoutEffect, useRef } from "react";
import type { ImageBoxes, ImageDocument, ImageMask } from "../api/records";
import { classColor, classRgb, wordsOn } from "./class_palette";
import styles from "./ImagePanel.module.css";
import { isShown, markClass, type Marks, reachesScores } from "./marks";
import type { DecodedMask } from "./use_masks";

// On images smaller than this, words would hide what they name.
const LABELS_FROM_WIDTH = 140;
const LABEL_HEIGHT = 16;
const CLASS_IDS = 256;

export function SmallImage({
  bitmap,
  label,
  filter,
}: {
  bitmap: ImageBitmap;
  label: string;
  filter: string | undefined;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // Before the browser paints: the picture before stays until this one is there.
  useLayoutEffect(() => {
    const element = canvas.current!;
    element.width = bitmap.width;
    element.height = bitmap.height;
    element.getContext("2d")!.drawImage(bitmap, 0, 0);
  }, [bitmap]);
  return <canvas ref={canvas} role="img" aria-label={label} style={{ filter }} />;
}

interface MaskLayerProps {
  mask: ImageMask;
  decoded: DecodedMask | undefined;
  image: ImageDocument;
  marks: Marks;
  isEnlarged: boolean;
}

export function MaskLayer({ mask, decoded, image, marks, isEnlarged }: MaskLayerProps) {
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

export function BoxLayer({ group, image, marks, width, height }: BoxLayerProps) {
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
