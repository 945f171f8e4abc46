/** Shows a record in whichever form its document has: pending, failed, a list, one that stands elsewhere, or whole. */
import { useQuery } from "@tanstack/react-query";
import { Component, type ReactNode, useState } from "react";
import {
  fetchObjectJson,
  isFailed,
  isLarge,
  isList,
  isPending,
  isRecordKind,
  type LargeDocument,
  type ListDocument,
  type RecordDocument,
  type WholeDocument,
} from "../api/records";
import { formatCount, plural } from "../format/number";
import { ItemContext } from "./card_context";
import type { RecordPanelProps } from "./panel_props";
import { FULL_SCREEN_FACTOR, ITEM_HEIGHT, ITEM_WIDTH_MIN, PANELS } from "./panels";
import styles from "./RecordView.module.css";
import { KIND_WORDS } from "./words";
import { Waiting, Warning, Words } from "./Words";

// More records of a list than anybody looks through at a glance; the others are a click away.
const ITEMS_AT_FIRST = 60;
const WARNING_HEIGHT = 20;
const ITEM_GAP = 8;

export interface RecordViewProps extends RecordPanelProps {
  /** Of a list, the one record to show. */
  only?: number;
}

export function RecordView(props: RecordViewProps) {
  const { document, height } = props;
  if (!isRecordKind(document.type)) {
    return <Words height={height}>{`This page does not know records of the kind “${String(document.type)}”.`}</Words>;
  }
  if (isPending(document)) return <Words height={height}>encoding…</Words>;
  if (isFailed(document)) {
    return (
      <Words height={height} isTrouble>
        {document.error}
      </Words>
    );
  }
  const warning = document.warning;
  const inner = warning ? height - WARNING_HEIGHT : height;
  return (
    <>
      {warning && <Warning>{warning}</Warning>}
      <FormView {...props} document={document} height={inner} />
    </>
  );
}

function FormView(props: RecordViewProps & { document: WholeDocument | ListDocument | LargeDocument }) {
  const { document } = props;
  if (isLarge(document)) return <LargeView {...props} document={document} />;
  if (isList(document)) return <ListView {...props} document={document} />;
  return <WholeView {...props} />;
}

function WholeView({ document, height, theme, isFullScreen }: RecordPanelProps) {
  const Panel = PANELS[document.type];
  return (
    <PanelBoundary key={document.type} height={height}>
      <Panel document={document} height={height} theme={theme} isFullScreen={isFullScreen} />
    </PanelBoundary>
  );
}

/** What an object that holds a long document says; objects never change. */
export const largeDocumentQuery = (document: LargeDocument) => ({
  queryKey: ["document", document.document.sha256],
  queryFn: ({ signal }: { signal: AbortSignal }) => fetchObjectJson<RecordDocument>(document.document, signal),
});

function LargeView(props: RecordViewProps & { document: LargeDocument }) {
  const { document, height } = props;
  const query = useQuery(largeDocumentQuery(document));
  if (query.data) return <RecordView {...props} document={query.data} />;
  if (query.error) {
    return (
      <Words height={height} isTrouble>
        {`Could not be read: ${query.error.message}. `}
        <button type="button" onClick={() => void query.refetch()}>
          Try again
        </button>
      </Words>
    );
  }
  return <Waiting height={height} />;
}

function ListView(props: RecordViewProps & { document: ListDocument }) {
  const { document, height, only } = props;
  const [isAll, setAll] = useState(false);
  const { records, type } = document;
  if (records.length === 0) return <Words height={height}>An empty list was logged.</Words>;
  if (only !== undefined && records[only]) return <RecordView {...props} document={records[only]} only={undefined} />;
  const shown = isAll ? records : records.slice(0, ITEMS_AT_FIRST);
  const factor = (props.isFullScreen && FULL_SCREEN_FACTOR[type]) || 1;
  const fixedHeight = ITEM_HEIGHT[type];
  const itemHeight = records.length === 1 ? height : fixedHeight ? fixedHeight * factor : height - ITEM_GAP;
  const itemWidth = ITEM_WIDTH_MIN[type] * factor;
  return (
    // What scrolls must be reachable by keyboard.
    <div className={styles.scroll} style={{ height }} tabIndex={0} role="group" aria-label={listLabel(document)}>
      <ul
        className={styles.list}
        style={{ gridTemplateColumns: `repeat(auto-fill, minmax(min(100%, ${itemWidth}px), 1fr))` }}
      >
        {shown.map((record, index) => (
          // A list has no other names for its records than their places.
          <li key={index} className={styles.item}>
            <ItemContext value={index}>
              <RecordView {...props} document={record} height={itemHeight} only={undefined} />
            </ItemContext>
          </li>
        ))}
      </ul>
      {shown.length < records.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {formatCount(records.length)}
        </button>
      )}
    </div>
  );
}

const listLabel = ({ records, type }: ListDocument) => plural(records.length, `${KIND_WORDS[type]} record`);

interface BoundaryProps {
  height: number;
  children: ReactNode;
}

/** Keeps the trouble of one panel from the rest of the page. */
class PanelBoundary extends Component<BoundaryProps, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Words height={this.props.height} isTrouble>
        {`Could not be shown: ${error.message}. `}
        <button type="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </Words>
    );
  }
}
