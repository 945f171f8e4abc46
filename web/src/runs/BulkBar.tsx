/** What can be done with the runs that are chosen. */
import { useId, useRef, useState } from "react";
import { navigate } from "wouter/use-browser-location";
import { formatCount, plural } from "../format/number";
import { CrossIcon } from "../ui/icons";
import { showNotice } from "../ui/notices";
import { comparePath, projectPath } from "../url/route";
import type { ChangeView } from "../url/use_view";
import { formatView, parseView } from "../url/view_state";
import styles from "./BulkBar.module.css";
import type { Selection } from "./use_selection";
import { useColumns } from "./use_columns";
import type { RunActions } from "./use_run_actions";

const COMPARED_MAX = 20;
// Their ids stand in the address, which browsers and proxies limit.
const ONLY_MAX = 200;
const NOTICE_SECONDS = 8;

type Asked = "tag" | "untag" | "group";

const QUESTIONS: Record<Asked, { label: string; column: string; done: string }> = {
  tag: { label: "Tag to add", column: "tags", done: "Add tag" },
  untag: { label: "Tag to take off", column: "tags", done: "Take off" },
  group: { label: "Group of the runs; empty for none", column: "group", done: "Set group" },
};

interface BulkBarProps {
  project: string;
  selection: Selection;
  matchingCount: number;
  actions: RunActions;
  changeView: ChangeView;
  /** Whether archived runs are among those that are listed. */
  hasArchived: boolean;
  onCopy: () => void;
}

export function BulkBar({ project, selection, matchingCount, actions, changeView, hasArchived, onCopy }: BulkBarProps) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const opener = useRef<HTMLButtonElement | null>(null);
  const ids = [...selection.ids];
  const edit = (change: Parameters<RunActions["edit"]>[0]) => void actions.edit(change);
  const ask = (what: Asked, words: string) => (
    <button
      type="button"
      aria-expanded={asked === what}
      onClick={(event) => {
        opener.current = event.currentTarget;
        setAsked(asked === what ? null : what);
      }}
    >
      {words}
    </button>
  );
  const answer = (value: string) => {
    if (asked === "tag" && value) edit({ run_ids: ids, add_tags: [value] });
    if (asked === "untag" && value) edit({ run_ids: ids, remove_tags: [value] });
    if (asked === "group") edit({ run_ids: ids, group: value });
    closeField();
  };
  const closeField = () => {
    setAsked(null);
    opener.current?.focus();
  };
  const showOnly = () => {
    changeView({ only: ids, hidden: [] }, "keep");
    showNotice({
      words: `The charts show only ${ids.length === 1 ? "this run" : `these ${ids.length} runs`}`,
      action: {
        label: "Open charts",
        run: () => navigate(`${projectPath(project)}?${formatView(parseView(location.search))}`),
      },
      seconds: NOTICE_SECONDS,
    });
  };
  const canCompare = ids.length >= 2 && ids.length <= COMPARED_MAX;
  return (
    <section className={styles.bar} aria-label="Chosen runs">
      <span className={styles.count} role="status">
        {formatCount(ids.length)} selected
      </span>
      {ids.length < matchingCount && (
        <button type="button" className="quiet" onClick={() => void selection.selectMatching()}>
          Select all {formatCount(matchingCount)}
        </button>
      )}
      {asked ? (
        <BulkField key={asked} project={project} asked={asked} answer={answer} close={closeField} />
      ) : (
        <>
          {ask("tag", "Tag…")}
          {ask("untag", "Untag…")}
          {ask("group", "Group…")}
          <button type="button" onClick={() => edit({ run_ids: ids, archived: true })}>
            Archive
          </button>
          {hasArchived && (
            <button type="button" onClick={() => edit({ run_ids: ids, archived: false })}>
              Unarchive
            </button>
          )}
          <button
            type="button"
            onClick={() => {
              actions.remove(ids);
              selection.clear();
            }}
          >
            Delete
          </button>
          <button
            type="button"
            disabled={!canCompare}
            title={canCompare ? undefined : `Choose 2 to ${COMPARED_MAX} runs to compare them`}
            onClick={() => navigate(comparePath(project, ids))}
          >
            Compare
          </button>
          <button
            type="button"
            disabled={ids.length > ONLY_MAX}
            title={ids.length > ONLY_MAX ? `Choose at most ${ONLY_MAX} runs, or filter them` : undefined}
            onClick={showOnly}
          >
            Show only these
          </button>
          <button type="button" title={`${plural(ids.length, "row")} as tab-separated values`} onClick={onCopy}>
            Copy
          </button>
        </>
      )}
      <button type="button" className="quiet icon" aria-label="Clear the selection" onClick={selection.clear}>
        <CrossIcon />
      </button>
    </section>
  );
}

interface BulkFieldProps {
  project: string;
  asked: Asked;
  answer: (value: string) => void;
  close: () => void;
}

function BulkField({ project, asked, answer, close }: BulkFieldProps) {
  const id = useId();
  const [value, setValue] = useState("");
  const { label, column, done } = QUESTIONS[asked];
  const columns = useColumns(project, { search: column, varying: false, filter: "", offset: 0, limit: 20 });
  const known = columns.data?.columns.find(({ name }) => name === column)?.values ?? [];
  const texts = [...new Set(known.flat().filter((one) => typeof one === "string"))];
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        answer(value.trim());
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <input
        type="text"
        list={id}
        autoFocus
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <datalist id={id}>
        {texts.map((text) => (
          <option key={text} value={text} />
        ))}
      </datalist>
      <button type="submit" disabled={asked !== "group" && value.trim() === ""}>
        {done}
      </button>
      <button type="button" className="quiet" onClick={close}>
        Cancel
      </button>
    </form>
  );
}
