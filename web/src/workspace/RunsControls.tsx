/** How the list of runs is searched, filtered, ordered and grouped. */
import { useId, useState } from "react";
import { ApiError } from "../api/http";
import { isolated } from "../format/isolated";
import { columnLabel } from "../runs/column_names";
import { FilterField, faultOf } from "../runs/FilterField";
import { useColumns } from "../runs/use_columns";
import { CrossIcon } from "../ui/icons";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./RunsControls.module.css";

interface RunsControlsProps {
  project: string;
  error: Error | null;
  view: ViewState;
  changeView: ChangeView;
}

// A list to choose from that a person can still look through; the field takes any name.
const SUGGESTIONS_MAX = 500;
const LEVELS_MAX = 3;

export function RunsControls({ project, error, view, changeView }: RunsControlsProps) {
  const isRefused = error instanceof ApiError && !error.isUnreachable;
  const [sort] = view.sort;
  return (
    <div className={styles.controls}>
      <input
        type="search"
        placeholder="Search runs (regex)"
        aria-label="Search runs by regular expression"
        aria-invalid={isRefused && view.runs !== ""}
        value={view.runs}
        onChange={(event) => changeView({ runs: event.target.value })}
      />
      <div className={styles.row}>
        <FilterField
          project={project}
          filter={view.filter}
          setFilter={(filter) => changeView({ filter })}
          error={error}
          shift={0}
        />
      </div>
      {isRefused && !faultOf(error) && (
        <p className={styles.refusal} role="status">
          {error.message}
        </p>
      )}
      <div className={styles.row}>
        <ColumnField
          project={project}
          label="Sort by"
          placeholder="newest first"
          value={sort?.column ?? ""}
          choose={(column) =>
            changeView({ sort: column ? [{ column, isDescending: column.startsWith("summary.") }] : [] }, "keep")
          }
        />
        {sort && (
          <button
            type="button"
            className="quiet"
            title={sort.isDescending ? "Largest first" : "Smallest first"}
            aria-label={sort.isDescending ? "Descending: change to ascending" : "Ascending: change to descending"}
            onClick={() => changeView({ sort: [{ ...sort, isDescending: !sort.isDescending }] }, "keep")}
          >
            {sort.isDescending ? "▾" : "▴"}
          </button>
        )}
      </div>
      {[...view.groupBy, ""].slice(0, LEVELS_MAX).map((column, level) => (
        <div key={`${level}:${column}`} className={styles.row}>
          <ColumnField
            project={project}
            label={level === 0 ? "Group by" : "then by"}
            placeholder={level === 0 ? "no groups" : "nothing more"}
            value={column}
            choose={(chosen) =>
              changeView({ groupBy: withLevel(view.groupBy, level, chosen), hidden: [], highlight: null }, "keep")
            }
          />
        </div>
      ))}
    </div>
  );
}

const withLevel = (columns: readonly string[], level: number, column: string): string[] =>
  [...columns.slice(0, level), column, ...columns.slice(level + 1)].filter(
    (one, place, all) => one !== "" && all.indexOf(one) === place,
  );

interface ColumnFieldProps {
  project: string;
  label: string;
  placeholder: string;
  value: string;
  /** Called with a column's name, or with nothing. */
  choose: (column: string) => void;
}

/** A field for one column of runs: takes what there is, and says so by completing it. */
function ColumnField({ project, label, placeholder, value, choose }: ColumnFieldProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const isAsked = typed !== null;
  const { data } = useColumns(
    project,
    { search: "", varying: false, filter: "", offset: 0, limit: SUGGESTIONS_MAX },
    isAsked,
  );
  const names = data?.columns.map((column) => column.name) ?? [];
  const settle = (text: string) => {
    setTyped(null);
    const name = names.find((one) => one === text) ?? names.find((one) => columnLabel(one) === text);
    if (text === "" && value !== "") choose("");
    else if (name && name !== value) choose(name);
  };
  return (
    <label className={styles.field}>
      <span>{label}</span>
      <input
        type="text"
        list={id}
        placeholder={placeholder}
        value={typed ?? value}
        onFocus={() => setTyped(value)}
        onChange={(event) => {
          setTyped(event.target.value);
          // What was taken from the list is whole at once.
          if (names.includes(event.target.value)) settle(event.target.value);
        }}
        onBlur={(event) => settle(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") settle(event.currentTarget.value);
          if (event.key === "Escape") setTyped(null);
        }}
      />
      <datalist id={id}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {value !== "" && (
        <button type="button" className="quiet icon" aria-label={isolated`${label}: none`} onClick={() => choose("")}>
          <CrossIcon />
        </button>
      )}
    </label>
  );
}
