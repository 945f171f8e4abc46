/** The state of a run: an icon and a word, never colour alone. */
import type { RunState } from "../api/types";
import { BoltIcon, CheckIcon, CrossIcon, StopIcon } from "./icons";
import styles from "./StateLabel.module.css";

const ICONS: Record<RunState, () => React.JSX.Element> = {
  running: () => <span className={styles.pulse} aria-hidden="true" />,
  finished: CheckIcon,
  failed: CrossIcon,
  killed: StopIcon,
  crashed: BoltIcon,
};

export function StateLabel({ state }: { state: RunState }) {
  const Icon = ICONS[state] ?? StopIcon;
  return (
    <span className={styles.state} data-state={state}>
      <Icon />
      {state}
    </span>
  );
}
