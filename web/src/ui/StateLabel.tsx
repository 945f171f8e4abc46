/** The state of a run: an icon and a word, never colour alone. */
import type { RunState } from "../api/types";
import { BoltIcon, CheckIcon, CrossIcon, PauseIcon, ReturnIcon, StopIcon } from "./icons";
import styles from "./StateLabel.module.css";

type ShownState = RunState | "stalled";

const ICONS: Record<ShownState, () => React.JSX.Element> = {
  running: () => <span className={styles.pulse} aria-hidden="true" />,
  stalled: PauseIcon,
  finished: CheckIcon,
  failed: CrossIcon,
  killed: StopIcon,
  crashed: BoltIcon,
  preempted: ReturnIcon,
};

const MEANINGS: Partial<Record<ShownState, string>> = {
  stalled: "Running, but silent for long",
  crashed: "Gone without a word",
  killed: "Ended by a signal",
  preempted: "Ended by the scheduler, to be run again",
};

interface StateLabelProps {
  state: RunState;
  /** Whether a running run has been silent for long. */
  isStalled?: boolean;
}

export function StateLabel({ state, isStalled = false }: StateLabelProps) {
  const shown: ShownState = state === "running" && isStalled ? "stalled" : state;
  const Icon = ICONS[shown] ?? StopIcon;
  return (
    <span className={styles.state} data-state={shown} title={MEANINGS[shown]}>
      <Icon />
      {shown}
    </span>
  );
}
