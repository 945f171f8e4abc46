/** A record in the place of a single value: a thumbnail, a sparkline or words. */
import { useMemo, useState } from "react";
import {
  type HistogramDocument,
  type ImageDocument,
  isFailed,
  isLarge,
  isList,
  isPending,
  objectAddress,
  type RecordDocument,
  type WholeDocument,
  wholeOf,
} from "../api/records";
import { isolated } from "../format/isolated";
import { formatCount, formatValue, plural } from "../format/number";
import { barsOf, barsPath, countsInWords } from "../media/histogram";
import { dtypeName, formatBytes, formatMaybe, formatShape, KIND_WORDS } from "../media/words";
import styles from "./RecordSummary.module.css";

interface RecordSummaryProps {
  document: RecordDocument;
  /** The key it was logged under. */
  name: string;
}

export function RecordSummary({ document: newest, name }: RecordSummaryProps) {
  const [settled, setSettled] = useState<RecordDocument | null>(null);
  if (!isPending(newest) && newest !== settled) setSettled(newest);
  // What was there stays until the new one has been encoded.
  const document = isPending(newest) && settled ? settled : newest;
  const kind = KIND_WORDS[document.type];
  if (isPending(document)) return <span className={styles.muted}>{kind}, encoding…</span>;
  if (isFailed(document)) {
    return (
      <span className={styles.bad} title={document.error}>
        {kind}: {document.error}
      </span>
    );
  }
  if (isLarge(document)) {
    return document.count === undefined ? (
      <>
        {kind}, {formatBytes(document.document.size_bytes)}
      </>
    ) : (
      <>
        list of {formatCount(document.count)}: {kind}
      </>
    );
  }
  if (isList(document)) {
    const image = document.records.length > 0 ? wholeOf(document.records[0], "image") : null;
    return (
      <span className={styles.line}>
        list of {formatCount(document.records.length)}: {kind}
        {image && <Thumbnail image={image} name={name} />}
      </span>
    );
  }
  return <Whole document={document} name={name} />;
}

function Whole({ document, name }: { document: WholeDocument; name: string }) {
  switch (document.type) {
    case "histogram":
      return <Sparkline histogram={document} name={name} />;
    case "image":
      return (
        <span className={styles.line}>
          {formatCount(document.width)} × {formatCount(document.height)}
          <Thumbnail image={document} name={name} />
        </span>
      );
    case "array":
      return (
        <span title={`minimum, mean, maximum; ${dtypeName(document.dtype)}, ${formatShape(document.shape)}`}>
          {[document.min, document.mean, document.max].map(formatMaybe).join(" … ")}
        </span>
      );
    case "table":
      return (
        <>
          table, {plural(document.row_count, "row")} × {plural(document.columns.length, "column")}
        </>
      );
    case "markdown":
      return <span title={document.text}>{firstLine(document.text)}</span>;
    case "plot":
      return <>plot{document.caption ? `: ${document.caption}` : `, ${document.language}`}</>;
    default:
      return (
        <>
          {KIND_WORDS[document.type]}
          {document.file && `, ${formatBytes(document.file.size_bytes)}`}
        </>
      );
  }
}

function Thumbnail({ image, name }: { image: ImageDocument; name: string }) {
  return (
    <img
      className={styles.thumbnail}
      src={objectAddress(image.file)}
      alt={image.caption || isolated`last image of ${name}`}
      title={image.caption}
      loading="lazy"
    />
  );
}

const LINE_MAX = 80;

function firstLine(text: string): string {
  const line = text.trim().split("\n", 1)[0];
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
}

const SPARK_WIDTH = 96;
const SPARK_HEIGHT = 20;

function Sparkline({ histogram, name }: { histogram: HistogramDocument; name: string }) {
  const bars = useMemo(() => barsOf(histogram), [histogram]);
  const words = [
    `${formatValue(bars.edges[0])} to ${formatValue(bars.edges[bars.edges.length - 1])}`,
    ...countsInWords(bars, histogram),
  ].join(", ");
  return (
    <svg
      className={styles.sparkline}
      width={SPARK_WIDTH}
      height={SPARK_HEIGHT}
      role="img"
      aria-label={isolated`last histogram of ${name}: ${words}`}
    >
      <title>{words}</title>
      <path d={barsPath(bars, SPARK_WIDTH, SPARK_HEIGHT)} />
    </svg>
  );
}
