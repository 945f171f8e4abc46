/** Which code a run was started from. */
import { plural } from "../format/number";
import { CopyButton } from "../ui/CopyButton";
import { WarningIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { formatView, type ViewState } from "../url/view_state";
import type { CodeFacts } from "./git";
import styles from "./Overview.module.css";

export function Code({ facts, view }: { facts: CodeFacts; view: ViewState }) {
  const { commit, branch, remote, remoteAddress, isDirty, untrackedCount, files } = facts;
  return (
    <section aria-label="Code">
      <h2>Code</h2>
      <dl>
        {commit && (
          <div>
            <dt>Commit</dt>
            <dd className={styles.commit}>
              <code title={commit}>{commit.slice(0, 12)}</code>
              <CopyButton text={() => commit} label="Copy the commit" />
            </dd>
          </div>
        )}
        {isDirty !== null && (
          <div>
            <dt>Changes</dt>
            <dd>
              {isDirty ? (
                <span className={styles.dirty}>
                  <WarningIcon />
                  not all committed
                </span>
              ) : (
                "all committed"
              )}
              {untrackedCount > 0 && `, ${plural(untrackedCount, "untracked file")}`}
            </dd>
          </div>
        )}
        {branch && (
          <div>
            <dt>Branch</dt>
            <dd>{branch}</dd>
          </div>
        )}
        {remote && (
          <div>
            <dt>Remote</dt>
            <dd>
              {remoteAddress ? (
                <a href={remoteAddress} rel="noreferrer noopener" target="_blank">
                  {remote}
                </a>
              ) : (
                remote
              )}
            </dd>
          </div>
        )}
        {files.length > 0 && (
          <div>
            <dt>Files</dt>
            <dd className={styles.files}>
              {files.map(({ label, path }) => (
                <Link
                  key={path}
                  href={`${location.pathname}?${formatView({ ...view, tab: "files", file: path, find: "" })}`}
                  title={path}
                >
                  {label}
                </Link>
              ))}
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
