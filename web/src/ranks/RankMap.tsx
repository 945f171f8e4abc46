/** One cell a rank, by host: its colour says how far behind it is, its sign how it stands. Read with the pointer or by keys. */
import { type FocusEvent, type KeyboardEvent, memo, type PointerEvent, useMemo, useRef, useState } from "react";
import { useTheme } from "../app/theme";
import { plural } from "../format/number";
import { scaleColor } from "../media/color_scale";
import { byHost, FAR_BEHIND_SECONDS, lagShare, type RankRow, type RankState, wordsOf } from "./rank_rows";
import styles from "./RankMap.module.css";

interface RankMapProps {
  rows: readonly RankRow[];
  active: string | null;
  setActive: (id: string) => void;
}

/** With more, the names of hosts take more room than the ranks: the words of a rank name its host. */
const NAMED_RANKS_MAX = 256;

const SIGNS: Partial<Record<RankState, string>> = {
  silent: "–",
  finished: "✓",
  failed: "×",
  killed: "×",
  crashed: "×",
  preempted: "×",
};

const SIGN_WORDS: readonly [RankState, string][] = [
  ["silent", "silent"],
  ["finished", "finished"],
  ["failed", "ended badly"],
];

export function RankMap({ rows, active, setActive }: RankMapProps) {
  const root = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<string | null>(null);
  const hosts = useMemo(() => byHost(rows), [rows]);
  const inOrder = useMemo(() => hosts.flatMap((host) => host.rows), [hosts]);
  const theme = useTheme();
  const said = rows.find(({ id }) => id === at) ?? rows.find(({ id }) => id === active);
  const entry = said?.id ?? inOrder[0]?.id;
  const isDense = rows.length > NAMED_RANKS_MAX;
  const hasLag = rows.some(({ stepsBehind }) => stepsBehind !== null);

  const idOf = (target: EventTarget) => (target as HTMLElement).dataset.rank ?? null;
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(root.current, event.target as HTMLElement, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  const color = (share: number) => `rgb(${scaleColor(theme, share).join(" ")})`;
  return (
    <section className={styles.map} aria-label="Map of the ranks">
      <div
        ref={root}
        className={styles.hosts}
        data-dense={isDense || undefined}
        role="toolbar"
        aria-label={`${plural(rows.length, "rank")}: arrow keys move, Enter shows the row`}
        data-testid="rank-map"
        onKeyDown={onKeyDown}
        onFocus={(event: FocusEvent) => setAt(idOf(event.target))}
        onBlur={() => setAt(null)}
        onPointerOver={(event: PointerEvent) => setAt(idOf(event.target))}
        onPointerLeave={() => setAt(null)}
        onClick={({ target }) => {
          const id = idOf(target);
          if (id) setActive(id);
        }}
      >
        {hosts.map(({ host, rows: own }) => (
          <div key={host} className={styles.host}>
            {hosts.length > 1 && !isDense && (
              <span className={styles.name} title={host}>
                {host || "unknown host"}
              </span>
            )}
            <span className={styles.cells}>
              {own.map((row) => {
                const share = lagShare(row);
                const isLit = share !== null && row.state === "running";
                return (
                  <Cell
                    key={row.id}
                    id={row.id}
                    words={wordsOf(row)}
                    state={row.state}
                    color={isLit ? color(share) : ""}
                    isEntry={row.id === entry}
                    isActive={row.id === active}
                  />
                );
              })}
            </span>
          </div>
        ))}
      </div>
      <p className={styles.said} data-testid="rank-said">
        {said ? wordsOf(said) : "Point at a rank, or go there by arrow keys, to read of it."}
      </p>
      <p className={styles.legend}>
        {hasLag ? (
          <>
            <span>not behind</span>
            <span
              className={styles.ramp}
              style={{ background: `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(color).join(", ")})` }}
            />
            <span>{FAR_BEHIND_SECONDS} s and more behind</span>
          </>
        ) : (
          <span>No two ranks log the same: who is behind is not known.</span>
        )}
        {SIGN_WORDS.filter(([state]) => rows.some((row) => SIGNS[row.state] === SIGNS[state])).map(([state, words]) => (
          <span key={state} className={styles.sign}>
            <span className={styles.cell} data-state={state} aria-hidden="true">
              {SIGNS[state]}
            </span>
            {words}
          </span>
        ))}
      </p>
    </section>
  );
}

interface CellProps {
  id: string;
  words: string;
  state: RankState;
  color: string;
  isEntry: boolean;
  isActive: boolean;
}

const Cell = memo(function Cell({ id, words, state, color, isEntry, isActive }: CellProps) {
  return (
    <button
      type="button"
      className={styles.cell}
      data-rank={id}
      data-state={state}
      data-active={isActive || undefined}
      style={color ? { background: color } : undefined}
      tabIndex={isEntry ? 0 : -1}
      aria-label={words}
    >
      {SIGNS[state]}
    </button>
  );
});

/** The cell that a key leads to: the next one, or the one above or below as they stand on the screen. */
function moved(root: HTMLElement | null, from: HTMLElement, key: string): HTMLElement | null {
  const cells = [...(root?.querySelectorAll<HTMLElement>("[data-rank]") ?? [])];
  const at = cells.indexOf(from);
  if (at < 0) return null;
  switch (key) {
    case "ArrowRight":
      return cells[Math.min(cells.length - 1, at + 1)];
    case "ArrowLeft":
      return cells[Math.max(0, at - 1)];
    case "Home":
      return cells[0];
    case "End":
      return cells[cells.length - 1];
    case "ArrowDown":
      return beside(cells, at, 1);
    case "ArrowUp":
      return beside(cells, at, -1);
    default:
      return null;
  }
}

function beside(cells: readonly HTMLElement[], at: number, by: 1 | -1): HTMLElement {
  const own = cells[at].getBoundingClientRect();
  let line: number | null = null;
  let nearest = cells[at];
  let distance = Infinity;
  for (let place = at + by; place >= 0 && place < cells.length; place += by) {
    const { left, top } = cells[place].getBoundingClientRect();
    if (Math.abs(top - own.top) < 1) continue;
    line ??= top;
    if (Math.abs(top - line) >= 1) break;
    if (Math.abs(left - own.left) < distance) {
      distance = Math.abs(left - own.left);
      nearest = cells[place];
    }
  }
  return nearest;
}
