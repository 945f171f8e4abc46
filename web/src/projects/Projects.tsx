/** The first page: all projects of the store. */
import { Page } from "../app/Page";
import { useProjects } from "../data/queries";
import { formatCount, plural } from "../format/number";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { Refusal } from "../ui/Problem";
import { projectPath } from "../url/route";
import styles from "./Projects.module.css";

const FIRST_RUN = `import trackd

run = trackd.init(project="demo")
run.log({"loss": 0.5})`;

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
          {projects.length === 0 ? (
            <div className={styles.empty}>
              <p>No run has been logged yet. These three lines log the first:</p>
              <pre>{FIRST_RUN}</pre>
              <p>It appears here by itself.</p>
            </div>
          ) : (
            <ul className={styles.list}>
              {projects.map((project) => (
                <li key={project.name} data-testid="project" data-project={project.name}>
                  <Link href={projectPath(project.name)}>
                    <span className={styles.name}>{project.name}</span>
                    <span className={styles.running}>
                      {project.running_count > 0 && `${formatCount(project.running_count)} running now`}
                    </span>
                    <span className={styles.runs}>{plural(project.run_count, "run")}</span>
                    <span className={styles.ago}>
                      {project.update_time_unix_ms > 0 && <Ago unixMs={project.update_time_unix_ms} />}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </Page>
  );
}
