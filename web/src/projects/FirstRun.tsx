/** What stands on the first page while there is no run: how to log one. */
import { CopyButton } from "../ui/CopyButton";
import styles from "./FirstRun.module.css";

const FIRST_RUN = `import trackd

run = trackd.init(project="demo")
run.log({"loss": 0.5})`;

export function FirstRun() {
  return (
    <div className={styles.content}>
      <p>No run has been logged yet. These three lines log the first:</p>
      <div className={styles.code}>
        <pre>{FIRST_RUN}</pre>
        <CopyButton label="Copy the code" text={() => FIRST_RUN} />
      </div>
      <p>
        Put them into <code>first.py</code> and start it with <code>python first.py</code>. Any other program is tracked
        by <code>trackd run -- COMMAND</code>. The run appears here by itself.
      </p>
    </div>
  );
}
