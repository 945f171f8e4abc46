/** What the panels within a media card share with it. */
import { createContext } from "react";
import type { CameraLink } from "../scene/camera_link";
import { DEFAULT_MARKS, type Marks } from "./marks";

export interface CardContext {
  /** Names the card; null for a record that stands alone. */
  card: string | null;
  /** The cameras of the scenes of the card; null for a record that stands alone. */
  cameras: CameraLink | null;
  marks: Marks;
  /** Shows the record at a place of the list full screen; null where it is so already. */
  open: ((index: number) => void) | null;
}

export const CardContext = createContext<CardContext>({
  card: null,
  cameras: null,
  marks: DEFAULT_MARKS,
  open: null,
});

/** The place of a record in its list. */
export const ItemContext = createContext(0);
