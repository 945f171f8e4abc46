/** What the panels within a media card share with it. */
import { createContext } from "react";
import { DEFAULT_MARKS, type Marks } from "./marks";

export interface CardContext {
  marks: Marks;
  /** Shows the record at a place of the list full screen; null where it is so already. */
  open: ((index: number) => void) | null;
}

export const CardContext = createContext<CardContext>({ marks: DEFAULT_MARKS, open: null });

/** The place of a record in its list. */
export const ItemContext = createContext(0);
