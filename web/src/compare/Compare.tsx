/** The page that compares runs: what they do not share, the first one being the base, and their media at the same step. */
import { useEffect, useMemo } from "react";
import { Page } from "../app/Page";
import { noteCompared } from "../app/project_links";
import { useTheme } from "../app/theme";
import { ApiError } from "../api/http";
import type { RunsQuestion } from "../api/run_sets";
import { colorOrder, showRuns } from "../panel/shown_runs";
import { useRunList } from "../data/run_list";
import { useLive } from "../data/use_live";
import { formatCount, plural } from "../format/number";
import { runSetQuestion } from "../runs/question";
import { Link } from "../ui/Link";
import { matcher } from "../ui/matcher";
import { Problem, Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { useStable } from "../ui/use_stable";
import { DEFAULT_VIEW } from "../url/view_state";
import { comparePath, projectPath, runPath } from "../url/route";
import { useSlots } from "../workspace/use_slots";
import { ColumnHead } from "./ColumnHead";
import styles from "./Compare.module.css";
import { CompareBody } from "./CompareBody";
import { ComparedMedia } from "./ComparedMedia";
import { factsOf } from "./facts";
import { countsOf, makeRows } from "./rows";
import { RunPicker } from "./RunPicker";
import { sharedMedia } from "./shared_media";
import { useComparedAddress, useComparedRuns } from "./use_compared_runs";

// What the picker completes; any other run is added by its id.
const LISTED: RunsQuestion = {
  ...runSetQuestion(DEFAULT_VIEW, []),
  columns: [],
  offset: 0,
  limit: 500,
};
const NO_LOOKS = {};
// Of a project's newest runs, where none is chosen yet.
const RUNS_OFFERED = 12;
const SEARCH_ID = "compare-search";

export default function Compare({ project }: { project: string }) {
  const { ids, setIds, view, changeView } = useComparedAddress();
  const live = useLive(project, null);
  const { list: listed } = useRunList(project, LISTED);
  const state = useComparedRuns(project, ids);
  const theme = useTheme();
  useEffect(() => noteCompared(project, ids), [project, ids]);
  useKeys({ "/": () => document.getElementById(SEARCH_ID)?.focus() });

  const runs = useStable(state.runs);
  const packages = useStable(state.packages);
  const slots = useSlots(
    useMemo(() => colorOrder([...runs].reverse()), [runs]),
    NO_LOOKS,
  );
  const shown = useStable(useMemo(() => showRuns(runs, slots, theme, null), [runs, slots, theme]));
  const facts = useMemo(() => factsOf(runs, packages), [runs, packages]);
  const { hasSame, metrics: search, closed } = view;
  const rows = useMemo(() => makeRows(facts, { hasSame, search, closed }), [facts, hasSame, search, closed]);
  const media = useStable(sharedMedia(state.metrics));
  const counts = countsOf(rows);

  const trail = [
    { label: project, href: projectPath(project) },
    { label: "Compare", href: comparePath(project, ids) },
  ];
  const free = (listed?.runs ?? []).filter((run) => !ids.includes(run.run_id));
  const add = (id: string) => setIds([...ids, id]);
  const remove = (id: string) => setIds(ids.filter((one) => one !== id));
  const picker = <RunPicker runs={free} isWaiting={!listed} add={add} />;

  if (ids.length < 2) {
    return (
      <Page trail={trail} live={live} isBusy={state.isPending && ids.length > 0}>
        <Problem title={ids.length === 0 ? "Choose runs to compare" : "Choose another run to compare with"}>
          {runs[0] && (
            <p className={styles.base}>
              <Link href={runPath(project, runs[0].run_id)}>{runs[0].name || runs[0].run_id}</Link> is the base.
            </p>
          )}
          <p>Add runs by name here, or tick them in the table and press “Compare” there.</p>
          {picker}
          {listed && free.length === 0 && <p>The project has no other run yet.</p>}
          {free.length > 0 && (
            <>
              <p className={styles.newest}>The newest:</p>
              <ul className={styles.choices}>
                {free.slice(0, RUNS_OFFERED).map((run) => (
                  <li key={run.run_id}>
                    <button type="button" onClick={() => add(run.run_id)}>
                      {run.name || run.run_id}
                    </button>
                  </li>
                ))}
              </ul>
            </>
          )}
        </Problem>
      </Page>
    );
  }
  const failed = state.errors[0];
  const unreadable = state.errors.find(({ error }) => !(error instanceof ApiError && error.status === 404));
  if (unreadable && runs.length === 0) {
    return (
      <Page trail={trail} live={live}>
        <Refusal error={unreadable.error} retry={state.retry} />
      </Page>
    );
  }
  return (
    <Page trail={trail} live={live} isWide isBusy={state.isPending}>
      <div className={styles.page}>
        <h1 className="visuallyHidden">{`Compare ${plural(ids.length, "run")} of ${project}`}</h1>
        <div className={styles.toolbar} role="toolbar" aria-label="Comparison">
          <input
            id={SEARCH_ID}
            type="search"
            placeholder="Search keys (regex)"
            aria-label="Search keys by regular expression"
            aria-invalid={matcher(search) === null}
            value={search}
            onChange={(event) => changeView({ metrics: event.target.value })}
          />
          <label className={styles.check}>
            <input
              type="checkbox"
              checked={!hasSame}
              onChange={(event) => changeView({ hasSame: !event.target.checked })}
            />
            differences only
          </label>
          <span className={styles.count} role="status">
            {runs.length > 1 &&
              `${formatCount(counts.differentCount)} of ${plural(counts.keyCount, "key")} ${counts.differentCount === 1 ? "differs" : "differ"}`}
          </span>
          {picker}
        </div>
        {failed && (
          <p className={styles.failed} role="status">
            Run <bdi>{failed.id}</bdi>
            {` could not be read: ${failed.error.message}. `}
            <button type="button" onClick={() => remove(failed.id)}>
              Remove it
            </button>
          </p>
        )}
        <div className={styles.scroll}>
          <div className={styles.body} data-media={media.length > 0 || undefined}>
            {runs.length > 0 && (
              <CompareBody
                project={project}
                label={`Comparison of ${plural(runs.length, "run")}`}
                rows={rows}
                runs={shown}
                head={(run, index) => (
                  <ColumnHead
                    name={run.name}
                    href={runPath(project, run.id)}
                    isBase={index === 0}
                    makeBase={() => setIds([run.id, ...ids.filter((one) => one !== run.id)])}
                    remove={() => remove(run.id)}
                  />
                )}
                toggle={(section) =>
                  changeView({
                    closed: closed.includes(section) ? closed.filter((one) => one !== section) : [...closed, section],
                  })
                }
              />
            )}
            {runs.length > 1 && counts.keyCount === 0 && (
              <p className={styles.nothing}>
                {search ? `No key matches “${search}”.` : "These runs hold nothing to compare yet."}
              </p>
            )}
          </div>
          {media.length > 0 && (
            <ComparedMedia project={project} media={media} runs={shown} view={view} changeView={changeView} />
          )}
        </div>
      </div>
    </Page>
  );
}
