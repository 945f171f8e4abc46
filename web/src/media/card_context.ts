/** What the panels within a media card share with it. */
import { createContext } from "react";
import type { RecordDocument } from "../api/records";
import type { CameraLink } from "../scene/camera_link";
import { DEFAULT_MARKS, type Marks } from "./marks";

/** What the card's other records are compared with. */
export interface CardBase {
  /** Of its run. */
  name: string;
  /** Null where the run has none at the step. */
  document: RecordDocument | null;
  /** Of a list, the one record that all are compared with at; null where each is with the one at its own place. */
  index: number | null;
}

export interface CardContext {
  /** Names the card; null for a record that stands alone. */
  card: string | null;
  /** The cameras of the scenes of the card; null for a record that stands alone. */
  cameras: CameraLink | null;
  marks: Marks;
  /** Shows the record at a place of the list full screen; null where it is so already. */
  open: ((index: number) => void) | null;
  /** What is taken from this record; null where it is shown itself. */
  base: CardBase | null;
}

export const CardContext = createContext<CardContext>({
  card: null,
  cameras: null,
  marks: DEFAULT_MARKS,
  open: null,
  base: null,
});

/** The place of a record in its list. */
export const ItemContext = createContext(0);
