/** An image with its masks and boxes, or how it differs from another run's. The image before stays until the new one has come. */
import { use, useEffect, useId, useMemo, useRef, useState } from "react";
import { type ImageDocument, type ImageMask, objectAddress, wholeOf } from "../api/records";
import { isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { useOnScreen } from "../panel/use_on_screen";
import { CardContext, ItemContext } from "./card_context";
import { DifferenceLayer } from "./DifferenceLayer";
import { BoxLayer, MaskLayer, SmallImage } from "./ImageLayers";
import { filterOf, innerPlace, useImageLook } from "./image_look";
import styles from "./ImagePanel.module.css";
import type { RecordPanelProps } from "./panel_props";
import { PixelHint } from "./PixelHint";
import { smallBitmap, smallWidth } from "./small_image";
import { useBaseImage } from "./use_base_image";
import { useBox } from "./use_box";
import { useImageGestures } from "./use_image_gestures";
import { useMasks } from "./use_masks";
import { Words } from "./Words";

// The line under an image.
const CAPTION_HEIGHT = 20;
// Under smaller ones there is room for a caption only.
const EXTENT_FROM_WIDTH = 190;

interface Settled {
  /** The last image whose pixels are here, with all that belongs to it. */
  shown: ImageDocument | null;
  /** Its picture, where that is smaller than the image. */
  bitmap: ImageBitmap | null;
  isBroken: boolean;
}

/** @param width of the picture to show, in pixels; null for the image itself. */
function useSettledImage(image: ImageDocument | null, width: number | null, isWanted: boolean): Settled {
  const [{ shown, bitmap }, settle] = useState<Omit<Settled, "isBroken">>({ shown: null, bitmap: null });
  const [broken, setBroken] = useState<ImageDocument | null>(null);
  useEffect(() => {
    if (!image || !isWanted) return;
    const controller = new AbortController();
    const { signal } = controller;
    const whole = async () => {
      const loader = new Image();
      loader.src = objectAddress(image.file);
      await loader.decode();
      return null;
    };
    // What cannot be made smaller may still be shown.
    const ready =
      width === null ? whole() : smallBitmap(image, width, signal).catch(() => (signal.aborted ? null : whole()));
    ready.then(
      (made) => !signal.aborted && settle({ shown: image, bitmap: made }),
      () => !signal.aborted && setBroken(image),
    );
    return () => controller.abort();
  }, [image, width, isWanted]);
  return { shown, bitmap, isBroken: broken !== null && broken === image };
}

const NO_MASKS: readonly ImageMask[] = [];

export default function ImagePanel({ document, height, isFullScreen }: RecordPanelProps) {
  const root = useRef<HTMLElement>(null);
  const frame = useRef<HTMLButtonElement & HTMLDivElement>(null);
  const { width } = useBox(root);
  const isOnScreen = useOnScreen(root);
  const image = useMemo(() => wholeOf(document, "image"), [document]);
  const alone = useId();
  const { card, marks, open, base } = use(CardContext);
  const index = use(ItemContext);
  const [look, changeLook] = useImageLook(card ?? alone, isFullScreen);
  const isZoomed = look.zoom > 1;
  const gestures = useImageGestures(frame, look, isFullScreen ? changeLook : null);
  const against = useBaseImage(base, index, image);

  const room = height - CAPTION_HEIGHT;
  const scaleOf = (one: ImageDocument) => (width > 0 ? Math.min(width / one.width, room / one.height) : 0);
  const drawnWidth =
    image && !isFullScreen ? smallWidth(image, image.width * scaleOf(image), window.devicePixelRatio) : null;
  const { shown, bitmap, isBroken } = useSettledImage(image, drawnWidth, isOnScreen && width > 0);
  const masks = shown?.masks ?? NO_MASKS;
  const decoded = useMasks(
    masks.map((mask) => mask.file),
    isOnScreen && base === null,
  );

  // Until the first image is here, its place is kept.
  const sized = shown ?? image;
  const scale = sized ? scaleOf(sized) : 0;
  const size = sized ? { width: sized.width * scale, height: sized.height * scale } : { width: 0, height: 0 };
  const caption = sized?.caption ?? "";
  const extent = sized ? `${formatCount(sized.width)} × ${formatCount(sized.height)}` : "";
  const isEnlarged = scale * look.zoom > 1;
  const inner = innerPlace(look, size.width, size.height);
  const label = caption || `image, ${extent}`;

  const layers = shown && (
    <div className={styles.inner} style={inner.style}>
      {against.image ? (
        <DifferenceLayer
          image={shown}
          base={against.image}
          label={isolated`${label}, minus ${against.name}`}
          filter={filterOf(look)}
          isEnlarged={isEnlarged}
        />
      ) : (
        <>
          {bitmap ? (
            <SmallImage bitmap={bitmap} label={label} filter={filterOf(look)} />
          ) : (
            <img
              src={objectAddress(shown.file)}
              alt={label}
              decoding="sync"
              draggable={false}
              data-enlarged={isEnlarged}
              style={{ filter: filterOf(look) }}
            />
          )}
          {masks.map((mask, at) => (
            <MaskLayer
              key={`${at} ${mask.name}`}
              mask={mask}
              decoded={decoded[at]}
              image={shown}
              marks={marks}
              isEnlarged={isEnlarged}
            />
          ))}
          {shown.boxes?.map((group, at) => (
            <BoxLayer
              key={`${at} ${group.name}`}
              group={group}
              image={shown}
              marks={marks}
              width={inner.width}
              height={inner.height}
            />
          ))}
        </>
      )}
    </div>
  );
  const picture = shown && (
    <>
      {layers}
      {isFullScreen && (
        <PixelHint frame={frame} image={shown} base={against.image} look={look} scale={scale * look.zoom} {...size} />
      )}
    </>
  );
  return (
    <figure ref={root} className={styles.figure} style={{ height }} aria-busy={shown !== image && !isBroken}>
      <div className={styles.room} style={{ height: isBroken || against.trouble ? room : size.height }}>
        {isBroken ? (
          <Words isTrouble>This image could not be decoded.</Words>
        ) : against.trouble ? (
          <Words>{against.trouble}</Words>
        ) : open && shown ? (
          <button
            ref={frame}
            type="button"
            className={styles.open}
            style={size}
            data-zoomed={isFullScreen ? isZoomed : undefined}
            // A zoomed image is dragged and double clicked; by key it is opened all the same.
            onClick={(event) => (!isZoomed || event.detail === 0) && open(index)}
            {...gestures}
          >
            {/* Not a label: the words of the boxes are a part of the button's name too. */}
            <span className="visuallyHidden">{`Show ${caption || "the image"} full size`}</span>
            {picture}
          </button>
        ) : (
          <div
            ref={frame}
            className={styles.frame}
            style={size}
            data-zoomed={isFullScreen ? isZoomed : undefined}
            // What can be moved must be reachable by keyboard.
            tabIndex={isZoomed ? 0 : undefined}
            role={isZoomed ? "group" : undefined}
            aria-label={isZoomed ? isolated`${label}, zoomed: arrow keys move it` : undefined}
            {...gestures}
          >
            {picture}
          </div>
        )}
      </div>
      <figcaption className={styles.caption} title={caption ? isolated`${caption} – ${extent}` : extent}>
        <span className={styles.text}>{caption}</span>
        {(width >= EXTENT_FROM_WIDTH || !caption) && <span className={styles.extent}>{extent}</span>}
      </figcaption>
    </figure>
  );
}
