/** What surrounds a card on a board that can be changed: a grip to move it by and a corner to size it by, by pointer or by keys. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState, useSyncExternalStore } from "react";
import { isolated } from "../format/isolated";
import { GripIcon } from "../ui/icons";
import styles from "./CardFrame.module.css";
import { getDrag, setDrag, subscribeDrag, type Target, targetAt } from "./drag";

export interface CardFrameProps {
  id: string;
  name: string;
  section: string;
  /** The card behind it in the section; null for the last. */
  next: string | null;
  span: number;
  columns: number;
  height: number;
  move: (target: Target) => void;
  /** Moves it one place on or back, or to the section before or behind. */
  moveBy: (by: -1 | 1, what: "card" | "section") => void;
  resize: (span: number, height: number) => void;
  children: ReactNode;
}

const HEIGHT_STEP = 20;
// Near the upper and lower end of the window a card that is being moved scrolls the board.
const SCROLL_EDGE = 60;
const SCROLL_STEP = 24;

export function CardFrame(props: CardFrameProps) {
  const { id, name, section, next, span, columns, height, move, moveBy, resize, children } = props;
  const root = useRef<HTMLDivElement>(null);
  const start = useRef<{ x: number; y: number; columnWidth: number } | null>(null);
  const [draft, setDraft] = useState<{ span: number; height: number } | null>(null);
  const state = useSyncExternalStore(subscribeDrag, () => {
    const drag = getDrag();
    if (!drag) return "";
    if (drag.id === id) return "moved";
    return drag.target?.before === id && drag.target.section === section ? "target" : "";
  });

  const onGripDown = (event: PointerEvent<HTMLButtonElement>) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.currentTarget.focus();
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ id, target: null });
  };
  const onGripMove = (event: PointerEvent) => {
    if (getDrag()?.id !== id) return;
    const scroller = root.current?.closest<HTMLElement>("[data-board-scroll]");
    if (scroller) {
      const box = scroller.getBoundingClientRect();
      if (event.clientY < box.top + SCROLL_EDGE) scroller.scrollBy(0, -SCROLL_STEP);
      if (event.clientY > box.bottom - SCROLL_EDGE) scroller.scrollBy(0, SCROLL_STEP);
    }
    setDrag({ id, target: targetAt(event.clientX, event.clientY) });
  };
  const onGripUp = () => {
    const drag = getDrag();
    setDrag(null);
    if (drag?.id === id && drag.target && drag.target.before !== id) move(drag.target);
  };
  const onGripKey = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key] as -1 | 1 | undefined;
    if (event.key === "Escape") setDrag(null);
    if (!by) return;
    event.preventDefault();
    moveBy(by, event.key === "ArrowUp" || event.key === "ArrowDown" ? "section" : "card");
  };

  const onCornerDown = (event: PointerEvent<HTMLButtonElement>) => {
    if (event.button !== 0 || !root.current) return;
    event.preventDefault();
    event.currentTarget.focus();
    event.currentTarget.setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, y: event.clientY, columnWidth: root.current.offsetWidth / span };
    setDraft({ span, height });
  };
  const onCornerMove = (event: PointerEvent) => {
    const from = start.current;
    if (!from) return;
    const wanted = Math.round((span * from.columnWidth + event.clientX - from.x) / from.columnWidth);
    setDraft({ span: Math.min(columns, Math.max(1, wanted)), height: height + event.clientY - from.y });
  };
  const onCornerUp = () => {
    start.current = null;
    setDraft(null);
    if (draft && (draft.span !== span || draft.height !== height)) resize(draft.span, draft.height);
  };
  const onCornerKey = (event: KeyboardEvent) => {
    const spanBy = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    const heightBy = { ArrowUp: -HEIGHT_STEP, ArrowDown: HEIGHT_STEP }[event.key] ?? 0;
    if (!spanBy && !heightBy) return;
    event.preventDefault();
    resize(Math.min(columns, Math.max(1, span + spanBy)), height + heightBy);
  };

  return (
    <div
      ref={root}
      className={styles.frame}
      data-card={id}
      data-card-section={section}
      data-next={next ?? ""}
      data-drag={state}
    >
      {children}
      <button
        type="button"
        className={`quiet ${styles.grip}`}
        aria-label={isolated`Move ${name}`}
        title="Drag to move; with the keyboard: ← → within the section, ↑ ↓ to the next section"
        onPointerDown={onGripDown}
        onPointerMove={onGripMove}
        onPointerUp={onGripUp}
        onPointerCancel={() => setDrag(null)}
        onKeyDown={onGripKey}
      >
        <GripIcon />
      </button>
      <button
        type="button"
        className={`quiet ${styles.corner}`}
        aria-label={isolated`Size of ${name}: ${span} of ${columns} columns`}
        title="Drag to size; with the keyboard: arrows"
        onPointerDown={onCornerDown}
        onPointerMove={onCornerMove}
        onPointerUp={onCornerUp}
        onPointerCancel={onCornerUp}
        onKeyDown={onCornerKey}
      />
      {draft && <Outline draft={draft} span={span} height={height} />}
    </div>
  );
}

/** The size that a card would have. */
function Outline({ draft, span, height }: { draft: { span: number; height: number }; span: number; height: number }) {
  return (
    <div
      className={styles.outline}
      aria-hidden="true"
      style={{ width: `${(100 * draft.span) / span}%`, height: `calc(100% + ${draft.height - height}px)` }}
    />
  );
}
