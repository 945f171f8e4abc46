/**
 * What a panel of one kind of record is given.
 *
 * A panel is only given a whole document of its own kind: the card around it has dealt with records that are pending, could not be
 * encoded, are a list, or stand in an object of their own (`media/RecordView`), and with the record's warning.
 */
import type { RecordDocument } from "../api/records";
import type { ThemeName } from "../chart/palette";

export interface RecordPanelProps {
  document: RecordDocument;
  /** The height the panel may use, in CSS pixels; its width is that of the element it stands in. */
  height: number;
  theme: ThemeName;
  isFullScreen: boolean;
}
