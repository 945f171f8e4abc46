/** The room that records of several runs take side by side in a card, in pixels. */

/** What a card takes of its width for itself. */
export const CARD_MARGIN = 24;
/** Between two runs. */
export const CELL_GAP = 12;
