/** An array: its type, its shape, what its values are like, and the file. */
import { objectAddress, wholeOf } from "../api/records";
import { formatCount } from "../format/number";
import styles from "./ArrayPanel.module.css";
import type { RecordPanelProps } from "./panel_props";
import { downloadName, dtypeName, formatBytes, formatMaybe, formatShape } from "./words";

export default function ArrayPanel({ document, height }: RecordPanelProps) {
  const array = wholeOf(document, "array");
  if (!array) return null;
  const spread = array.variance === null ? null : Math.sqrt(array.variance);
  const facts: [string, string, string?][] = [
    ["Type", dtypeName(array.dtype), array.dtype],
    ["Shape", formatShape(array.shape)],
    ["Values", formatCount(array.shape.reduce((product, length) => product * length, 1))],
    ["Minimum", formatMaybe(array.min), exact(array.min)],
    ["Mean", formatMaybe(array.mean), exact(array.mean)],
    ["Maximum", formatMaybe(array.max), exact(array.max)],
    ["Standard deviation", formatMaybe(spread), exact(spread)],
    ["95th percentile", formatMaybe(array.percentile_95), exact(array.percentile_95)],
  ];
  if (array.nan_count) facts.push(["NaN", formatCount(array.nan_count)]);
  if (array.infinite_count) facts.push(["Infinite", formatCount(array.infinite_count)]);
  return (
    // What scrolls must be reachable by keyboard.
    <div className={styles.array} style={{ maxHeight: height }} tabIndex={0} role="group" aria-label="Logged array">
      <dl>
        {facts.map(([name, value, title]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd title={title}>{value}</dd>
          </div>
        ))}
      </dl>
      <a href={objectAddress(array.file)} download={downloadName(array.file, ".npy")}>
        Download .npy, {formatBytes(array.file.size_bytes)}
      </a>
    </div>
  );
}

const exact = (value: number | null): string | undefined => (value === null ? undefined : String(value));
