/** Chooses the x axis of all charts. */
import { useId, useState } from "react";
import type { XAxis } from "../api/series";
import { axisMetric } from "./axis";
import styles from "./Toolbar.module.css";

interface AxisChoiceProps {
  x: XAxis | null;
  metricNames: readonly string[];
  choose: (x: XAxis | null) => void;
}

// A list to choose from that a person can still look through; the field takes any name.
const SUGGESTIONS_MAX = 500;

export function AxisChoice({ x, metricNames, choose }: AxisChoiceProps) {
  const listId = useId();
  const metric = x === null ? null : axisMetric(x);
  const [isNaming, setNaming] = useState(false);
  const [name, setName] = useState(metric ?? "");
  const isMetric = metric !== null || isNaming;
  const value = isMetric ? "metric" : (x ?? "default");

  const onChoice = (choice: string) => {
    setNaming(choice === "metric");
    if (choice === "metric") setName("");
    else choose(choice === "default" ? null : (choice as XAxis));
  };
  const onName = (typed: string) => {
    setName(typed);
    if (metricNames.includes(typed)) choose(`metric:${typed}`);
  };

  return (
    <span className={styles.choice}>
      <label className={styles.choice}>
        x
        <select
          value={value}
          aria-label="x axis"
          title="Default: the step, or the x axis a metric was defined with"
          onChange={(event) => onChoice(event.target.value)}
        >
          <option value="default">default</option>
          <option value="step">step</option>
          <option value="relative_time">relative time</option>
          <option value="wall_time">wall time</option>
          <option value="metric">a metric…</option>
        </select>
      </label>
      {isMetric && (
        <>
          <input
            type="text"
            list={listId}
            size={14}
            aria-label="Metric for the x axis"
            placeholder="name of a metric"
            value={isNaming ? name : (metric ?? "")}
            onChange={(event) => {
              setNaming(true);
              onName(event.target.value);
            }}
          />
          <datalist id={listId}>
            {metricNames.slice(0, SUGGESTIONS_MAX).map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </>
      )}
    </span>
  );
}
