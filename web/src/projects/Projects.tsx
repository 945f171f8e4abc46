/** The first page: all projects of the store. */
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { fetchProjectSizes } from "../api/store";
import type { Project } from "../api/types";
import { useDensity } from "../app/density";
import { Page } from "../app/Page";
import { useProjects } from "../data/queries";
import { isolate } from "../format/isolated";
import { formatMeasure } from "../format/measure";
import { formatCount, plural } from "../format/number";
import { THIS_PAGE } from "../ui/keys";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { useKeys } from "../ui/use_keys";
import { useWindow } from "../ui/use_window";
import { projectPath } from "../url/route";
import { useView } from "../url/use_view";
import { FirstRun } from "./FirstRun";
import { listProjects, ORDER_WORDS, ORDERS, orderOf, type ProjectOrder, sortOf } from "./project_list";
import styles from "./Projects.module.css";

const SEARCH_ID = "project-search";
// A run that has ended is sealed a moment later; those that run grow.
const SIZES_INTERVAL_MS = 60_000;
const UNSEALED_INTERVAL_MS = 3000;
const UNSEALED_ASKED_MAX = 4;

export function Projects() {
  const { data: projects, error, refetch } = useProjects();
  if (error && !projects) {
    return (
      <Page trail={[]}>
        <Refusal error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  return (
    <Page trail={[]} isBusy={!projects}>
      {projects && (
        <div className={styles.content}>
          <h1>Projects</h1>
          {projects.length === 0 ? <FirstRun /> : <ProjectList projects={projects} />}
        </div>
      )}
    </Page>
  );
}

function ProjectList({ projects }: { projects: readonly Project[] }) {
  const [view, changeView] = useView();
  const order = orderOf(view.sort);
  const sizes = useQuery({
    queryKey: ["project-sizes"],
    queryFn: ({ signal }) => fetchProjectSizes(signal),
    staleTime: 0,
    refetchInterval: ({ state }) => {
      const isUnsealed = projects.some(({ name }) => !state.data?.has(name));
      if (isUnsealed && state.dataUpdateCount < UNSEALED_ASKED_MAX) return UNSEALED_INTERVAL_MS;
      return projects.some((project) => project.running_count > 0) ? SIZES_INTERVAL_MS : false;
    },
  }).data;
  const list = useRef<HTMLUListElement>(null);
  const listed = listProjects(projects, view.runs, order, sizes);
  const isCosy = useDensity() === "cosy";
  const isNarrow = matchMedia("(max-width: 600px)").matches;
  const rowHeight = isNarrow ? 64 : isCosy ? 52 : 40;
  const { first, end } = useWindow(list, listed.length, rowHeight, 400);
  useKeys({
    "/": { words: "search projects", group: THIS_PAGE, run: () => document.getElementById(SEARCH_ID)?.focus() },
  });
  return (
    <>
      <div className={styles.tools}>
        <input
          id={SEARCH_ID}
          type="search"
          placeholder="Search projects"
          aria-label="Search projects"
          value={view.runs}
          onChange={(event) => changeView({ runs: event.target.value })}
        />
        <label className={styles.order}>
          Sort by
          <select
            value={order}
            onChange={(event) => changeView({ sort: sortOf(event.target.value as ProjectOrder) }, "keep")}
          >
            {ORDERS.map((each) => (
              <option key={each} value={each}>
                {ORDER_WORDS[each]}
              </option>
            ))}
          </select>
        </label>
        <span className={styles.count} role="status">
          {listed.length === projects.length
            ? plural(projects.length, "project")
            : `${formatCount(listed.length)} of ${plural(projects.length, "project")}`}
        </span>
      </div>
      {listed.length === 0 ? (
        <p className={styles.none}>
          No project’s name holds “{view.runs.trim()}”.{" "}
          <button type="button" onClick={() => changeView({ runs: "" })}>
            Show all projects
          </button>
        </p>
      ) : (
        <ul
          ref={list}
          className={styles.list}
          style={{ paddingTop: first * rowHeight, paddingBottom: (listed.length - end) * rowHeight }}
        >
          {listed.slice(first, end).map((project, index) => (
            <li
              key={project.name}
              data-testid="project"
              data-project={project.name}
              aria-setsize={listed.length}
              aria-posinset={first + index + 1}
              style={{ height: rowHeight }}
            >
              <ProjectRow project={project} sizeBytes={sizes?.get(project.name)} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function ProjectRow({ project, sizeBytes }: { project: Project; sizeBytes: number | undefined }) {
  return (
    <Link href={projectPath(project.name)}>
      <span className={styles.name} title={isolate(project.name)}>
        {project.name}
      </span>
      <span className={styles.running}>
        {project.running_count > 0 && `${formatCount(project.running_count)} running now`}
      </span>
      <span className={styles.figure}>{plural(project.run_count, "run")}</span>
      <span className={styles.figure} title="On the disk, without what is in logs still">
        {sizeBytes !== undefined && formatMeasure(sizeBytes, "bytes")}
      </span>
      <span className={styles.figure}>
        {project.update_time_unix_ms > 0 && <Ago unixMs={project.update_time_unix_ms} />}
      </span>
    </Link>
  );
}
