/** One key in a list. */
import type { ApiKey } from "../api/people";
import { isolated } from "../format/isolated";
import { SureButton } from "./parts";
import styles from "./People.module.css";
import { expiryWords, keyEnd, SCOPE_WORDS, lastUseWords } from "./words";

interface KeyItemProps {
  one: ApiKey;
  now: number;
  /** Whether its user is named. */
  isOfAll?: boolean;
  /** Left out where it is of no use any more. */
  revoke?: (key: ApiKey) => void;
}

export function KeyItem({ one, now, isOfAll = false, revoke }: KeyItemProps) {
  const end = keyEnd(one, now);
  const facts = [
    isOfAll && one.scope === "admin" ? "all that its user may do" : SCOPE_WORDS[one.scope],
    one.project && `in project ${one.project}`,
    lastUseWords(one.use_time_unix_ms, now),
    end ?? expiryWords(one.expire_time_unix_ms, now),
  ];
  return (
    <li className={end ? styles.ended : undefined}>
      <div className={styles.what}>
        {isOfAll && <b>{one.user} </b>}
        <span>{one.label || "without a label"}</span> <code>{one.begins_with}…</code>
        <small>
          <bdi>{facts.filter(Boolean).join(" · ")}</bdi>
        </small>
      </div>
      {revoke && !end && (
        <SureButton label="Revoke" about={isolated`Revoke ${one.label || one.begins_with}`} act={() => revoke(one)} />
      )}
    </li>
  );
}
