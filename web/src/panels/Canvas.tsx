/**
 * A canvas in CSS pixels, as sharp as the screen is; drawn anew when what draws it is another function. What takes long is drawn in
 * parts, one a frame, so that the page never stands still for it.
 */
import { useLayoutEffect, useRef } from "react";

interface CanvasProps {
  width: number;
  height: number;
  /** May give the parts that are left: each is drawn when it is asked for. */
  draw: (context: CanvasRenderingContext2D) => Iterator<void> | void;
}

export function Canvas({ width, height, draw }: CanvasProps) {
  const element = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = element.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    // Setting a size clears the canvas and costs an allocation: only where it is another.
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const parts = draw(context);
    if (!parts) return;
    let frame = 0;
    const next = () => {
      if (!parts.next().done) frame = requestAnimationFrame(next);
    };
    next();
    return () => cancelAnimationFrame(frame);
  }, [width, height, draw]);
  return <canvas ref={element} style={{ width, height }} aria-hidden="true" />;
}
