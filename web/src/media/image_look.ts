/** How closely, how bright and with how much contrast the images of a card are looked at, full screen: all of them alike. */
import type { CSSProperties } from "react";
import { CardChoices, useCardChoices } from "./card_choices";

export interface ImageLook {
  /** 1 shows images whole. */
  zoom: number;
  /** What is in the middle of the view, as shares of the image's width and height. */
  x: number;
  y: number;
  /** Factors. */
  brightness: number;
  contrast: number;
}

export interface Place {
  x: number;
  y: number;
}

export type ChangeLook = (part: Partial<ImageLook>) => void;

export const DEFAULT_LOOK: ImageLook = { zoom: 1, x: 0.5, y: 0.5, brightness: 1, contrast: 1 };
export const ZOOM_MAX = 64;
/** Of one press of a key or a button. */
export const ZOOM_FACTOR = 1.5;

const looks = new CardChoices(DEFAULT_LOOK);

/** @param isLooked whether the images are where they can be looked at closely; elsewhere they are as they are. */
export function useImageLook(card: string, isLooked: boolean): [ImageLook, ChangeLook] {
  const [look, change] = useCardChoices(looks, card);
  return [isLooked ? look : DEFAULT_LOOK, change];
}

const clamp = (value: number, min: number, max: number) => Math.min(max, Math.max(min, value));

/** The part of a look that says where it is, such that nothing beside the image comes into the view. */
function placed(zoom: number, x: number, y: number): Pick<ImageLook, "zoom" | "x" | "y"> {
  const half = 0.5 / zoom;
  return { zoom, x: clamp(x, half, 1 - half), y: clamp(y, half, 1 - half) };
}

/** Zooms by a factor; `at`, in shares of the view, stays where it is. */
export function zoomed(look: ImageLook, factor: number, at: Place = { x: 0.5, y: 0.5 }): Partial<ImageLook> {
  const zoom = clamp(look.zoom * factor, 1, ZOOM_MAX);
  const moved = 1 / look.zoom - 1 / zoom;
  return placed(zoom, look.x + (at.x - 0.5) * moved, look.y + (at.y - 0.5) * moved);
}

/** Moves the image by shares of the view, to the right and down. */
export const dragged = (look: ImageLook, right: number, down: number): Partial<ImageLook> =>
  placed(look.zoom, look.x - right / look.zoom, look.y - down / look.zoom);

/** What is at a place of the view, both in shares. */
export const imagePlace = (look: ImageLook, view: Place): Place => ({
  x: look.x + (view.x - 0.5) / look.zoom,
  y: look.y + (view.y - 0.5) / look.zoom,
});

/** Zooms and moves such that what two fingers first touched lies under them now; pixels of a view of a size. */
export function pinched(
  look: ImageLook,
  before: readonly [Place, Place],
  now: readonly [Place, Place],
  size: { width: number; height: number },
): Partial<ImageLook> {
  const apart = ([first, second]: readonly [Place, Place]) => Math.hypot(first.x - second.x, first.y - second.y);
  const middle = ([first, second]: readonly [Place, Place]) => ({
    x: (first.x + second.x) / 2 / size.width,
    y: (first.y + second.y) / 2 / size.height,
  });
  const zoom = clamp((look.zoom * apart(now)) / Math.max(1, apart(before)), 1, ZOOM_MAX);
  const touched = imagePlace(look, middle(before));
  const { x, y } = middle(now);
  return placed(zoom, touched.x - (x - 0.5) / zoom, touched.y - (y - 0.5) / zoom);
}

export interface InnerPlace {
  /** Of the whole image, in pixels. */
  width: number;
  height: number;
  style: CSSProperties;
}

/** Where the whole image lies in a view of a size. */
export function innerPlace(look: ImageLook, viewWidth: number, viewHeight: number): InnerPlace {
  const [width, height] = [viewWidth * look.zoom, viewHeight * look.zoom];
  const [left, top] = [viewWidth / 2 - look.x * width, viewHeight / 2 - look.y * height];
  return { width, height, style: { width, height, transform: `translate(${left}px, ${top}px)` } };
}

export const filterOf = ({ brightness, contrast }: ImageLook): string | undefined =>
  brightness === 1 && contrast === 1 ? undefined : `brightness(${brightness}) contrast(${contrast})`;
