/** How all images of a card are looked at: zoom, brightness and contrast, by buttons, sliders and keys. */
import { THIS_PAGE } from "../ui/keys";
import { useKeys } from "../ui/use_keys";
import { formatValue } from "../format/number";
import { DEFAULT_LOOK, useImageLook, ZOOM_FACTOR, ZOOM_MAX, zoomed } from "./image_look";
import styles from "./MediaTools.module.css";

// Both are factors, and sliders move by their logarithm: the middle leaves the image as it is.
const LIGHT_RANGE = Math.log2(8);

export function ImageTools({ card }: { card: string }) {
  const [look, change] = useImageLook(card, true);
  const zoomBy = (factor: number) => change(zoomed(look, factor));
  const whole = () => change({ zoom: DEFAULT_LOOK.zoom, x: DEFAULT_LOOK.x, y: DEFAULT_LOOK.y });
  const closer = { words: "look closer at images", group: THIS_PAGE, run: () => zoomBy(ZOOM_FACTOR) };
  useKeys({
    "+": closer,
    // The same key without Shift.
    "=": { ...closer, words: "" },
    "-": { words: "look at more of images", group: THIS_PAGE, run: () => zoomBy(1 / ZOOM_FACTOR) },
    "0": { words: "whole images", group: THIS_PAGE, run: whole },
  });
  const slider = (name: "brightness" | "contrast") => (
    <label className={styles.slider}>
      {name}
      <input
        type="range"
        min={-LIGHT_RANGE}
        max={LIGHT_RANGE}
        step={LIGHT_RANGE / 24}
        value={Math.log2(look[name])}
        aria-valuetext={`${formatValue(look[name], 2)} times`}
        onChange={(event) => change({ [name]: 2 ** Number(event.target.value) })}
      />
    </label>
  );
  return (
    <>
      <div className={styles.group} role="group" aria-label="Zoom of images">
        <button
          type="button"
          className="quiet icon"
          aria-label="Zoom out"
          title="Zoom out (-)"
          disabled={look.zoom === 1}
          onClick={() => zoomBy(1 / ZOOM_FACTOR)}
        >
          −
        </button>
        <output className={styles.zoom}>{formatValue(look.zoom, 2)}×</output>
        <button
          type="button"
          className="quiet icon"
          aria-label="Zoom in"
          title="Zoom in (+, or Ctrl and the wheel)"
          disabled={look.zoom === ZOOM_MAX}
          onClick={() => zoomBy(ZOOM_FACTOR)}
        >
          +
        </button>
        <button type="button" className="quiet" title="The whole image (0)" disabled={look.zoom === 1} onClick={whole}>
          whole
        </button>
      </div>
      {slider("brightness")}
      {slider("contrast")}
      {(look.brightness !== 1 || look.contrast !== 1) && (
        <button type="button" className="quiet" onClick={() => change({ brightness: 1, contrast: 1 })}>
          as logged
        </button>
      )}
    </>
  );
}
