/** How an image differs from another of its size: |a − b| of each pixel and colour. */
import { useEffect, useMemo, useRef } from "react";
import type { ImageDocument } from "../api/records";
import { differenceOf, usePixels } from "./pixels";
import { Words } from "./Words";

interface DifferenceLayerProps {
  image: ImageDocument;
  base: ImageDocument;
  label: string;
  filter: string | undefined;
  isEnlarged: boolean;
}

/** The pixels of an image, or their difference from a base's; undefined until they are there. */
export function useShownPixels(image: ImageDocument, base: ImageDocument | null, isWanted: boolean) {
  const own = usePixels(image.file, isWanted);
  const others = usePixels(base?.file ?? null, isWanted);
  const pixels = useMemo(() => {
    if (!base || !own.data) return own.data;
    return (others.data && differenceOf(own.data, others.data)) ?? undefined;
  }, [base, own.data, others.data]);
  return { pixels, error: own.error ?? others.error };
}

export function DifferenceLayer({ image, base, label, filter, isEnlarged }: DifferenceLayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixels, error } = useShownPixels(image, base, true);
  useEffect(() => {
    const element = canvas.current;
    // What was painted before stays until the new pixels are there.
    if (!element || !pixels) return;
    element.width = pixels.width;
    element.height = pixels.height;
    element.getContext("2d")!.putImageData(new ImageData(pixels.data, pixels.width, pixels.height), 0, 0);
  }, [pixels]);
  if (error) return <Words isTrouble>The pixels of these images could not be read.</Words>;
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      aria-busy={!pixels}
      data-enlarged={isEnlarged}
      style={{ filter }}
    />
  );
}
