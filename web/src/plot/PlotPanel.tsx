/** A custom chart: a Vega-Lite specification or preset over a table, a Plotly figure, or a Bokeh document, each in a frame of its own. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { ApiError } from "../api/http";
import {
  type FileRef,
  fetchObjectJson,
  fetchObjectText,
  fetchPreset,
  isLarge,
  type PlotDocument,
  type RecordDocument,
  type TableDocument,
  wholeOf,
} from "../api/records";
import type { ThemeName } from "../chart/palette";
import { formatCount, plural } from "../format/number";
import { FrameHost, type FrameName } from "../frame/FrameHost";
import { Caption } from "../media/Caption";
import type { RecordPanelProps } from "../media/panel_props";
import { Words } from "../media/Words";
import styles from "./PlotPanel.module.css";
import { type Json, substitute } from "./preset";
import { distinctNames, fetchPlotRows, PLOT_ROWS_MAX, type PlotRows, usedColumns } from "./rows";
import { SpecificationEditor } from "./SpecificationEditor";

/** How long the text stays as it is until the chart is drawn anew while somebody types. */
const TYPING_PAUSE_MS = 300;
/** Of the line under a chart, in CSS pixels. */
const LINE_HEIGHT = 20;
const EDITOR_HEIGHT_MIN = 200;

async function fetchSpecification(plot: PlotDocument, signal: AbortSignal): Promise<Json> {
  if (plot.specification) return fetchObjectJson<Json>(plot.specification, signal);
  if (plot.preset_id) return fetchPresetOf(plot.preset_id, plot.preset, signal);
  throw new Error("the record names neither a specification nor a preset");
}

/** A preset as it is now, else as it was when the chart was logged: it may have been saved elsewhere. */
async function fetchPresetOf(id: string, carried: FileRef | undefined, signal: AbortSignal): Promise<Json> {
  try {
    return (await fetchPreset(id, signal)).specification as Json;
  } catch (error) {
    if (!carried || !(error instanceof ApiError) || error.status !== 404) throw error;
    return fetchObjectJson<Json>(carried, signal);
  }
}

/** The table behind a chart, which may stand in an object of its own. */
async function fetchTable(document: RecordDocument, signal: AbortSignal): Promise<TableDocument> {
  const found = isLarge(document) ? await fetchObjectJson<RecordDocument>(document.document, signal) : document;
  const table = wholeOf(found, "table");
  if (!table) throw new Error("the chart's table is not there yet, or could not be encoded");
  return table;
}

interface PlotParts {
  specification: Json;
  table: TableDocument | null;
  runtime: string[];
}

async function fetchParts(plot: PlotDocument, signal: AbortSignal): Promise<PlotParts> {
  const [specification, table, runtime] = await Promise.all([
    fetchSpecification(plot, signal),
    plot.table ? fetchTable(plot.table, signal) : null,
    Promise.all((plot.runtime ?? []).map((file) => fetchObjectText(file, signal))),
  ]);
  return { specification, table, runtime };
}

/** The specification with its columns and texts, or a sentence why that cannot be. */
function substituted(plot: PlotDocument, specification: Json, table: TableDocument | null): { spec: Json } | string {
  const { fields = {}, strings = {} } = plot;
  try {
    return { spec: substitute(specification, { fields, strings, columns: table ? distinctNames(table.columns) : [] }) };
  } catch (error) {
    return (error as Error).message;
  }
}

/** A message for a frame. */
interface Drawing {
  name: FrameName;
  content: Record<string, unknown>;
  rows: PlotRows | null;
}

function useDrawing(plot: PlotDocument, parts: PlotParts | undefined, edited: Json | null) {
  const specification = edited ?? parts?.specification ?? null;
  const table = parts?.table ?? null;
  const isVega = plot.language === "vega-lite";
  const ready = useMemo(
    () => (isVega && parts ? substituted(plot, specification, parts.table) : null),
    [isVega, plot, parts, specification],
  );
  const spec = ready !== null && typeof ready !== "string" ? ready.spec : null;
  const positions = useMemo(() => (table && spec !== null ? usedColumns(table.columns, spec) : []), [table, spec]);
  const rows = useQuery({
    queryKey: ["plot-rows", table?.file.sha256, positions],
    queryFn: ({ signal }) => fetchPlotRows(table!, positions, signal),
    enabled: table !== null && spec !== null,
    gcTime: 60_000,
    // Rows in their tens of thousands are not compared one by one.
    structuralSharing: false,
  });
  const drawing = useMemo((): Drawing | null => {
    if (!parts) return null;
    if (plot.language === "plotly") return { name: "plotly", content: { figure: specification }, rows: null };
    if (plot.language === "bokeh") {
      return { name: "bokeh", content: { item: specification, runtime: parts.runtime }, rows: null };
    }
    if (spec === null || (table && !rows.data)) return null;
    const shown = rows.data ?? null;
    return { name: "vega", content: { specification: spec, rows: shown?.rows ?? [] }, rows: shown };
  }, [plot.language, parts, specification, spec, table, rows.data]);
  return { drawing, problem: typeof ready === "string" ? ready : null, rowsError: rows.error, retryRows: rows.refetch };
}

export default function PlotPanel({ document, height, theme, isFullScreen }: RecordPanelProps) {
  // Documents come anew with every change of a run; what they say is the same mostly.
  const key = JSON.stringify(document);
  const plot = useMemo(() => wholeOf(JSON.parse(key) as RecordDocument, "plot"), [key]);
  return plot && <Plot plot={plot} height={height} theme={theme} isFullScreen={isFullScreen} />;
}

interface PlotProps {
  plot: PlotDocument;
  height: number;
  theme: ThemeName;
  isFullScreen: boolean;
}

function Plot({ plot, height, theme, isFullScreen }: PlotProps) {
  const parts = useQuery({
    queryKey: ["plot", plot],
    queryFn: ({ signal }) => fetchParts(plot, signal),
    gcTime: 60_000,
    structuralSharing: false,
  });
  const [isEditing, setEditing] = useState(false);
  const [edited, setEdited] = useState<Json | null>(null);
  const { drawing, problem, rowsError, retryRows } = useDrawing(plot, parts.data, edited);
  // Stepping through a run, and typing, show one drawing until the next is there.
  const [held, setHeld] = useState(drawing);
  if (drawing !== null && drawing !== held) setHeld(drawing);
  const shown = drawing ?? held;

  const error = parts.error ?? rowsError;
  if (error) {
    return (
      <Words height={height} isTrouble>
        {`Could not be read: ${error.message}. `}
        <button type="button" onClick={() => void (parts.error ? parts.refetch() : retryRows())}>
          Try again
        </button>
      </Words>
    );
  }

  const chartHeight = height - LINE_HEIGHT;
  const chart = () => {
    if (problem !== null) return <Words height={chartHeight} isTrouble>{`Cannot be drawn: ${problem}.`}</Words>;
    if (!shown) return <Words height={chartHeight}>Loading …</Words>;
    return (
      <FrameHost
        key={shown.name}
        name={shown.name}
        title={plot.caption ?? plot.preset_id ?? `${plot.language} chart`}
        content={shown.content}
        theme={theme}
        height={chartHeight}
      />
    );
  };
  const word = isEditing ? "Hide the specification" : "Show the specification";
  return (
    <figure
      className={styles.panel}
      data-testid="plot"
      data-language={plot.language}
      data-rows={shown?.rows?.rows.length}
    >
      <div className={isFullScreen || !isEditing ? styles.beside : styles.below}>
        <div className={styles.chart}>
          {chart()}
          <div className={styles.line}>
            <Caption text={plot.caption} facts={factsOf(shown?.rows ?? null)} />
            {plot.language !== "bokeh" && parts.data && (
              <button
                type="button"
                className={`quiet ${styles.menu}`}
                aria-label={word}
                title={word}
                aria-expanded={isEditing}
                onClick={() => {
                  setEditing(!isEditing);
                  // What was tried out goes with the text it stood in.
                  setEdited(null);
                }}
              >
                …
              </button>
            )}
          </div>
        </div>
        {isEditing && parts.data && (
          <Editing
            initial={parts.data.specification}
            canSave={plot.language === "vega-lite"}
            height={isFullScreen ? height : Math.max(EDITOR_HEIGHT_MIN, height)}
            change={setEdited}
          />
        )}
      </div>
    </figure>
  );
}

function factsOf(rows: PlotRows | null): string[] {
  if (!rows) return [];
  return [
    rows.totalCount > rows.rows.length
      ? `the first ${formatCount(PLOT_ROWS_MAX)} of ${formatCount(rows.totalCount)} rows are drawn`
      : "",
    rows.oddCount > 0 ? `${plural(rows.oddCount, "value")} NaN or infinite` : "",
  ].filter((fact) => fact !== "");
}

interface EditingProps {
  initial: Json;
  canSave: boolean;
  height: number;
  /** Null: as it was. */
  change: (specification: Json | null) => void;
}

/** The text of the specification; what it says is drawn a moment after the last key. */
function Editing({ initial, canSave, height, change }: EditingProps) {
  const initialText = useMemo(() => JSON.stringify(initial, null, 2), [initial]);
  const [text, setText] = useState(initialText);
  const parsed = useMemo(() => parse(text), [text]);
  useEffect(() => {
    const { value } = parsed;
    if (value === undefined) return;
    const timer = setTimeout(() => change(text === initialText ? null : value), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [parsed, text, initialText, change]);
  return (
    <SpecificationEditor
      text={text}
      setText={setText}
      reset={() => setText(initialText)}
      problem={parsed.problem}
      specification={canSave ? parsed.value : undefined}
      height={height}
    />
  );
}

function parse(text: string): { value?: Json; problem: string | null } {
  try {
    return { value: JSON.parse(text) as Json, problem: null };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
