/**
 * Where the rows of a long list of rows of any height stand as it is scrolled.
 *
 * Rows lie below each other in one block, which is moved along a track. Which row is seen where (the pivot) is the truth; the bar only
 * says how the pivot moves: with a short scroll as many pixels, with a long one to the same share of the list. So nothing has to be
 * known of the heights of rows that are not in the page, a row that becomes higher moves nothing above it, and a list may be higher than
 * a browser allows an element to be. When a scroll has come to rest, the bar is put where the rows are.
 */
import { TRACK_HEIGHT_MAX } from "../table/scroll";
import { coverage, lineAt, type Pivot, shareAt } from "./pivot";

const ROW_HEIGHT = 20;
/** Rows on either side that are there before they are seen. */
const MARGIN_ROWS = 40;
/** New rows are put into the page when fewer than this are left on a side. */
const MARGIN_ROWS_MIN = 12;
const SETTLE_MS = 150;
/** This near to the end counts as the end: pixels are rounded. */
const END_PIXELS = 3;
/** A mean height that is nearer than this share to the one before moves no bar. */
const MEAN_CHANGE_MIN = 0.1;

/** What is to be rendered. */
export interface LogView {
  first: number;
  /** One past the last. */
  end: number;
  trackHeight: number;
  /** Whether the end is seen, and is kept in view as it grows. */
  isAtEnd: boolean;
}

const around = (row: number, rowCount: number) => ({
  first: Math.max(0, row - 2 * MARGIN_ROWS),
  end: Math.min(rowCount, row + 2 * MARGIN_ROWS),
});

export class LogScroller {
  readonly #listeners = new Set<() => void>();
  #view: LogView;
  #pivot: Pivot;
  #root: HTMLElement | null = null;
  #block: HTMLElement | null = null;
  #rowCount = 0;
  #viewHeight = 0;
  // The mean height of the rows seen so far: how high the track should be.
  #meanHeight = ROW_HEIGHT;
  /** Where the block stands on the track. */
  #blockTop = 0;
  #lastTop = 0;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #width = 0;

  /**
   * @param startRow the row to begin with; null for the end.
   * @param render makes the page be rendered before it returns.
   */
  constructor(
    startRow: number | null,
    rowCount: number,
    private readonly render: (change: () => void) => void,
  ) {
    this.#pivot = startRow === null ? "end" : { row: startRow, y: 0 };
    this.#rowCount = rowCount;
    this.#view = {
      ...around(startRow ?? rowCount, rowCount),
      trackHeight: this.#trackHeight(),
      isAtEnd: startRow === null,
    };
  }

  readonly view = (): LogView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The row at the top of the view. */
  readonly topRow = (): number => {
    if (this.#pivot !== "end") return this.#pivot.row;
    if (!this.#root) return 0;
    return this.#view.first + coverage(this.#edges(), this.#root.scrollTop - this.#blockTop, this.#viewHeight).row;
  };

  /**
   * @param root what scrolls, with the track in it.
   * @param block the block of rows: its children are the rows of the view.
   */
  attach(root: HTMLElement, block: HTMLElement): () => void {
    this.#root = root;
    this.#block = block;
    const onScroll = () => this.#onScroll();
    root.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      root.removeEventListener("scroll", onScroll);
      clearTimeout(this.#settling);
      this.#root = this.#block = null;
    };
  }

  /** To be called after each rendering: rows may be more, or higher; what is seen stays. */
  rendered(rowCount: number, width: number, viewHeight: number): void {
    const isNew = rowCount !== this.#rowCount || width !== this.#width || viewHeight !== this.#viewHeight;
    this.#rowCount = rowCount;
    this.#width = width;
    this.#viewHeight = viewHeight;
    if (isNew) this.#settleSoon();
    if (this.#pivot === "end" && this.#view.end < rowCount) {
      this.#change(around(rowCount, rowCount));
      return;
    }
    this.#change({ trackHeight: this.#trackHeight() });
    if (this.#pivot === "end") this.#scrollTo(TRACK_HEIGHT_MAX);
    this.#place();
  }

  readonly toEnd = (): void => this.#goTo("end", 1);

  /** Puts a row into the upper part of the view, unless it is seen well already. */
  readonly reveal = (row: number): void => {
    const edges = this.#edges();
    const index = row - this.#view.first;
    if (this.#root && index >= 0 && index < edges.length - 1) {
      const y = edges[index] + this.#blockTop - this.#root.scrollTop;
      if (y >= 0 && y + edges[index + 1] - edges[index] <= this.#viewHeight) return;
    }
    this.#goTo({ row, y: Math.round(this.#viewHeight / 3) }, this.#rowCount > 1 ? row / (this.#rowCount - 1) : 0);
    this.#settleSoon();
  };

  #trackHeight(): number {
    return Math.min(Math.round(this.#rowCount * this.#meanHeight), TRACK_HEIGHT_MAX);
  }

  #change(part: Partial<LogView>): void {
    const next = { ...this.#view, ...part };
    const { first, end, trackHeight, isAtEnd } = this.#view;
    if (next.first === first && next.end === end && next.trackHeight === trackHeight && next.isAtEnd === isAtEnd)
      return;
    this.#view = next;
    for (const listener of this.#listeners) listener();
  }

  #scrollTo(top: number): void {
    if (!this.#root) return;
    this.#root.scrollTop = top;
    // Read back: it is rounded, and kept within the track.
    this.#lastTop = this.#root.scrollTop;
  }

  #moveBlock(top: number): void {
    this.#blockTop = top;
    if (this.#block) this.#block.style.transform = `translateY(${top}px)`;
  }

  /** The tops of the rows in the block, and its end. */
  #edges(): number[] {
    const rows = this.#block?.children;
    if (!rows || rows.length === 0) return [0];
    const all = Array.from(rows, (row) => (row as HTMLElement).offsetTop);
    const last = rows[rows.length - 1] as HTMLElement;
    return [...all, last.offsetTop + last.offsetHeight];
  }

  /** Puts the block where the pivot says, and asks for the rows that are missing around it. */
  #place(): void {
    const root = this.#root;
    const view = this.#viewHeight;
    if (!root || !this.#block || view === 0) return;
    const { first, end } = this.#view;
    const edges = this.#edges();
    const height = edges[edges.length - 1];
    const hasFirst = first === 0;
    const hasLast = end >= this.#rowCount;
    const isShort = hasFirst && hasLast && height <= view;
    if (hasFirst && hasLast && this.#rowCount > 0) {
      // With all rows in the page nothing has to be guessed: each must be reachable, however high.
      this.#meanHeight = height / this.#rowCount;
      this.#change({ trackHeight: this.#trackHeight() });
    }
    let offset: number;
    if (isShort) offset = 0;
    else if (this.#pivot === "end") offset = view - height;
    else offset = this.#pivot.y - edges[Math.min(Math.max(0, this.#pivot.row - first), edges.length - 1)];
    // No room is left behind the last row or before the first.
    if (!isShort && hasLast && offset + height < view) offset = view - height;
    if (!isShort && hasFirst && offset > 0) offset = 0;
    this.#moveBlock(root.scrollTop + offset);

    const seen = coverage(edges, -offset, view);
    if (this.#pivot !== "end") {
      const isEnd = hasLast && offset + height <= view + END_PIXELS;
      this.#pivot = isEnd ? "end" : { row: first + seen.row, y: edges[seen.row] + offset };
    }
    this.#change({ isAtEnd: this.#pivot === "end" });
    const isMissing =
      (seen.row < MARGIN_ROWS_MIN && !hasFirst) ||
      (end - first - seen.endRow < MARGIN_ROWS_MIN && !hasLast) ||
      end > this.#rowCount;
    if (!isMissing) return;
    this.#change({
      first: Math.max(0, first + seen.row - MARGIN_ROWS),
      end: Math.min(this.#rowCount, first + seen.endRow + MARGIN_ROWS),
    });
  }

  #goTo(next: Pivot, share: number): void {
    this.#pivot = next;
    if (!this.#root) return;
    this.#scrollTo(share * (this.#root.scrollHeight - this.#viewHeight));
    this.#showAround(next);
  }

  #showAround(pivot: Pivot): void {
    this.render(() => this.#change(around(pivot === "end" ? this.#rowCount : pivot.row, this.#rowCount)));
    // Where the rows have been there already, nothing was rendered.
    this.render(() => this.#place());
  }

  #onScroll(): void {
    const root = this.#root;
    if (!root) return;
    const top = root.scrollTop;
    const moved = top - this.#lastTop;
    this.#lastTop = top;
    // Its own doing.
    if (moved === 0) return;
    const range = root.scrollHeight - this.#viewHeight;
    const isAtEdge = top <= 0 || top >= range - 1;
    if (Math.abs(moved) < this.#viewHeight && !isAtEdge) {
      const edges = this.#edges();
      const offset = this.#blockTop - top;
      const { row } = coverage(edges, -offset, this.#viewHeight);
      if (moved < 0 || this.#pivot !== "end") {
        this.#pivot = { row: this.#view.first + row, y: edges[row] + offset };
      }
      this.render(() => this.#place());
    } else {
      const share = Math.min(1, Math.max(0, top / Math.max(1, range)));
      this.#pivot = top >= range - 1 ? "end" : lineAt(share, this.#rowCount, this.#viewHeight, this.#meanHeight);
      this.#showAround(this.#pivot);
    }
    this.#settleSoon();
  }

  #settleSoon(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), SETTLE_MS);
  }

  /** Puts the bar where it belongs for what is seen. */
  #settle(): void {
    const root = this.#root;
    if (!root || this.#viewHeight === 0) return;
    const { first, end } = this.#view;
    const edges = this.#edges();
    if (edges.length > 1 && (first > 0 || end < this.#rowCount)) {
      const mean = edges[edges.length - 1] / (edges.length - 1);
      if (Math.abs(mean - this.#meanHeight) > MEAN_CHANGE_MIN * this.#meanHeight) {
        this.#meanHeight = mean;
        this.render(() => this.#change({ trackHeight: this.#trackHeight() }));
      }
    }
    const range = root.scrollHeight - this.#viewHeight;
    if (range <= 0 || this.#pivot === "end") return;
    const offset = this.#blockTop - root.scrollTop;
    const wanted = Math.round(shareAt(edges, first, offset, this.#rowCount, this.#viewHeight) * range);
    if (Math.abs(wanted - root.scrollTop) <= 1) return;
    this.#scrollTo(wanted);
    this.#moveBlock(root.scrollTop + offset);
  }
}
