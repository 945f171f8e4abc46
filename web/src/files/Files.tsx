/** The files that are kept with a run: a tree to choose from, and the one that is looked at. */
import { useMemo } from "react";
import type { WholeRun } from "../api/types";
import { formatCount, plural } from "../format/number";
import { formatBytes } from "../media/words";
import { matcher } from "../ui/matcher";
import { Since } from "../ui/Moment";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import styles from "./Files.module.css";
import { FileTree } from "./FileTree";
import { Preview } from "./Preview";
import { FILE_SEARCH_ID } from "./search_id";
import { makeTree, treeRows } from "./tree";

interface FilesProps {
  run: WholeRun;
  view: ViewState;
  changeView: ChangeView;
}

/** Folders that are not as they are by default stand in the address beside the folded sections. */
const TOGGLED_PREFIX = "files:";

export default function Files({ run, view, changeView }: FilesProps) {
  const files = useMemo(() => run.files ?? [], [run.files]);
  const isFound = useMemo(() => matcher(view.find) ?? (() => true), [view.find]);
  const found = useMemo(() => files.filter(({ path }) => isFound(path)), [files, isFound]);
  const tree = useMemo(() => makeTree(found), [found]);
  const toggled = useMemo(
    () =>
      new Set(
        view.closed.filter((one) => one.startsWith(TOGGLED_PREFIX)).map((one) => one.slice(TOGGLED_PREFIX.length)),
      ),
    [view.closed],
  );
  const rows = useMemo(() => treeRows(tree, toggled, view.find !== ""), [tree, toggled, view.find]);
  const file = view.file === null ? undefined : files.find(({ path }) => path === view.file);
  const toggle = (path: string) => {
    const name = TOGGLED_PREFIX + path;
    changeView({
      closed: view.closed.includes(name) ? view.closed.filter((one) => one !== name) : [...view.closed, name],
    });
  };
  if (files.length === 0) {
    return (
      <div className={styles.words}>
        <p>
          No files are kept with this run
          {run.state === "running" && (
            <>
              {" yet – waiting since "}
              <Since unixMs={run.create_time_unix_ms} />
            </>
          )}
          .
        </p>
        <p>
          <code>run.save("model/*.json")</code> keeps files, and so does what lies in <code>run.dir</code>.
        </p>
      </div>
    );
  }
  return (
    <div className={styles.files} data-chosen={view.file !== null}>
      <section className={styles.list} aria-label="Files of the run">
        <header>
          <input
            id={FILE_SEARCH_ID}
            type="search"
            placeholder="Search files (regex)"
            aria-label="Search files by regular expression"
            aria-invalid={matcher(view.find) === null}
            value={view.find}
            onChange={(event) => changeView({ find: event.target.value })}
          />
          <span role="status">
            {view.find === ""
              ? `${plural(files.length, "file")}, ${formatBytes(tree.sizeBytes)}`
              : `${formatCount(found.length)} of ${plural(files.length, "file")}`}
          </span>
        </header>
        {found.length === 0 ? (
          <p className={styles.words}>
            No file matches “{view.find}”.{" "}
            <button type="button" onClick={() => changeView({ find: "" })}>
              Clear the search
            </button>
          </p>
        ) : (
          <FileTree
            rows={rows}
            current={view.file}
            choose={(path) => changeView({ file: path }, "keep")}
            toggle={toggle}
          />
        )}
      </section>
      {view.file !== null && (
        <div className={styles.shown}>
          <button type="button" className={`quiet ${styles.back}`} onClick={() => changeView({ file: null }, "keep")}>
            All files
          </button>
          {file ? (
            <Preview key={file.sha256 + file.path} project={run.project} run={run.run_id} file={file} />
          ) : (
            <p className={styles.words}>This run has no file {view.file}.</p>
          )}
        </div>
      )}
      {view.file === null && <p className={`${styles.words} ${styles.shown}`}>Choose a file to look at it.</p>}
    </div>
  );
}
