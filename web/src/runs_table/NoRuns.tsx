/** What stands in the place of the table when there is no run to show. */
import { CopyButton } from "../ui/CopyButton";
import styles from "./RunsTable.module.css";

const example = (project: string) => `import trackd

run = trackd.init(project=${JSON.stringify(project)}, config={"lr": 1e-3})
for step in range(100):
    run.log({"loss": 1 / (step + 1)})
run.finish()`;

export function NoRuns({ project }: { project: string }) {
  return (
    <div className={styles.empty} role="status">
      <h2>No run in this project yet</h2>
      <p>These lines log one; it is here as soon as they run.</p>
      <pre>{example(project)}</pre>
      <CopyButton text={() => example(project)} label="Copy the lines">
        Copy
      </CopyButton>
    </div>
  );
}

interface NoMatchProps {
  isArchiveLeftOut: boolean;
  hasQuestion: boolean;
  clear: () => void;
  showArchived: () => void;
}

export function NoMatch({ isArchiveLeftOut, hasQuestion, clear, showArchived }: NoMatchProps) {
  return (
    <div className={styles.empty} role="status">
      <h2>{hasQuestion ? "No run matches" : "All runs are archived"}</h2>
      <p>
        {hasQuestion && (
          <button type="button" onClick={clear}>
            Clear filter and search
          </button>
        )}{" "}
        {isArchiveLeftOut && (
          <button type="button" onClick={showArchived}>
            {hasQuestion ? "Look among archived runs" : "Show archived runs"}
          </button>
        )}
      </p>
    </div>
  );
}
