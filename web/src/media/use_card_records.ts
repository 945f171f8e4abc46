/** What a media card shows, kept up to date while the card is on screen. */
import { useState } from "react";
import { recordStore } from "../data/page_store";
import { type CardQuestion, type CardRecords, type Kept, lookUp } from "./card_records";
import { useWatched } from "./use_watched";

export function useCardRecords(wanted: CardQuestion, isActive: boolean): CardRecords {
  const [kept, setKept] = useState<Kept>(new Map());
  const { questions, records } = lookUp(recordStore, wanted, kept);
  useWatched(questions, isActive);
  // Set while rendering: what was shown before is part of what is shown next.
  if (records.cells.some((cell) => cell.shown !== (kept.get(cell.run.id) ?? null))) {
    setKept(new Map(records.cells.flatMap((cell) => (cell.shown ? [[cell.run.id, cell.shown]] : []))));
  }
  return records;
}
