/** The value of the pixel under the pointer, once pixels are large enough to be told apart. */
import { type RefObject, useEffect, useState } from "react";
import type { ImageDocument } from "../api/records";
import { useShownPixels } from "./DifferenceLayer";
import { type ImageLook, imagePlace } from "./image_look";
import { pixelInWords } from "./pixels";
import { Hint } from "./PlotParts";

// Of a pixel of the image, on the screen.
const SIDE_FROM = 4;

interface PixelHintProps {
  frame: RefObject<HTMLElement | null>;
  image: ImageDocument;
  /** The image that is taken from it; null where the image is shown itself. */
  base: ImageDocument | null;
  look: ImageLook;
  /** How large a pixel of the image is on the screen. */
  scale: number;
  /** Of the view. */
  width: number;
  height: number;
}

export function PixelHint({ frame, image, base, look, scale, width, height }: PixelHintProps) {
  const [pointer, setPointer] = useState<{ x: number; y: number } | null>(null);
  const isLarge = scale >= SIDE_FROM;
  useEffect(() => {
    const element = frame.current;
    if (!element || !isLarge) return;
    const move = (event: PointerEvent) => {
      const box = element.getBoundingClientRect();
      setPointer({ x: event.clientX - box.left, y: event.clientY - box.top });
    };
    const leave = () => setPointer(null);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerleave", leave);
    return () => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerleave", leave);
    };
  }, [frame, isLarge]);
  const { pixels } = useShownPixels(image, base, isLarge && pointer !== null);
  if (!isLarge || !pointer || !pixels) return null;
  const place = imagePlace(look, { x: pointer.x / width, y: pointer.y / height });
  const [x, y] = [Math.floor(place.x * pixels.width), Math.floor(place.y * pixels.height)];
  if (x < 0 || y < 0 || x >= pixels.width || y >= pixels.height) return null;
  return <Hint place={{ ...pointer, width }}>{pixelInWords(pixels, x, y)}</Hint>;
}
