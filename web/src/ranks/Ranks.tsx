/** How the processes that write a run together stand: in one sentence, as a map of one cell a rank, and as a table. */
import { useMemo, useState } from "react";
import type { RankNote, WholeRun } from "../api/types";
import { formatDuration } from "../format/time";
import { CheckIcon, WarningIcon } from "../ui/icons";
import { useNow } from "../ui/use_now";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { RankMap } from "./RankMap";
import { ORDERS, ordered, type RankOrder, rankRows } from "./rank_rows";
import styles from "./Ranks.module.css";
import { RankTable } from "./RankTable";

interface RanksProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

const ORDER_TITLES: Record<RankOrder, string> = {
  rank: "rank",
  slowest: "slowest first",
  state: "trouble first",
  heard: "longest unheard first",
};

export default function Ranks({ run, view, changeView }: RanksProps) {
  const rows = useMemo(
    () => rankRows({ writers: run.writers, system_metrics: run.system_metrics }),
    [run.writers, run.system_metrics],
  );
  const [active, setActive] = useState<string | null>(null);
  const order = ORDERS.find((one) => one === view.sort[0]?.column) ?? "rank";
  const shown = useMemo(() => ordered(rows, order), [rows, order]);
  const { ranks } = run;
  if (!ranks) {
    return (
      <div className={styles.ranks}>
        <p className={styles.words}>One process writes this run: it has no ranks to compare.</p>
      </div>
    );
  }
  return (
    <div className={styles.ranks} data-testid="ranks">
      <p className={styles.sentence} data-well={ranks.notes.length === 0} role="status">
        {ranks.notes.length === 0 ? <CheckIcon /> : <WarningIcon />}
        <span>{ranks.sentence}</span>
      </p>
      {ranks.notes.length > 0 && (
        <ul className={styles.notes} aria-label="What to look at">
          {ranks.notes.map((note) => (
            <Note key={note.kind} note={note} show={setActive} />
          ))}
        </ul>
      )}
      <RankMap rows={rows} active={active} setActive={setActive} />
      <div className={styles.toolbar}>
        <h2>All ranks</h2>
        <label>
          sorted by
          <select
            value={order}
            onChange={({ target }) =>
              changeView(
                { sort: target.value === "rank" ? [] : [{ column: target.value, isDescending: false }] },
                "keep",
              )
            }
          >
            {ORDERS.map((one) => (
              <option key={one} value={one}>
                {ORDER_TITLES[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <RankTable rows={shown} active={active} view={view} />
    </div>
  );
}

function Note({ note, show }: { note: RankNote; show: (id: string) => void }) {
  const { since_unix_ms: since, writer_ids: ids } = note;
  const now = useNow(since !== null);
  return (
    <li>
      <span>
        <bdi>{note.text}</bdi>
        {since !== null && ` for ${formatDuration(now - since)}`}
      </span>
      {ids.length > 0 && (
        <button type="button" className="quiet" onClick={() => show(ids[0])}>
          Show
        </button>
      )}
    </li>
  );
}
