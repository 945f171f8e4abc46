/** A Jupyter notebook as text: its cells one below the other, with what they have printed. */

interface Output {
  text?: unknown;
  data?: Record<string, unknown>;
  ename?: unknown;
  evalue?: unknown;
}

interface NotebookCell {
  cell_type?: unknown;
  source?: unknown;
  execution_count?: unknown;
  outputs?: unknown;
}

const joined = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join("") : typeof value === "string" ? value : "";

/** Null for what is no notebook. */
export function notebookText(text: string): string | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const cells = (document as { cells?: unknown } | null)?.cells;
  if (!Array.isArray(cells)) return null;
  return (cells as NotebookCell[]).map(cellText).join("\n\n");
}

function cellText(cell: NotebookCell): string {
  const source = joined(cell.source);
  if (cell.cell_type !== "code") return source;
  const count = typeof cell.execution_count === "number" ? cell.execution_count : " ";
  const outputs = Array.isArray(cell.outputs) ? (cell.outputs as Output[]).map(outputText).filter(Boolean) : [];
  return [`In [${count}]:`, source, ...(outputs.length > 0 ? ["Out:", ...outputs] : [])].join("\n");
}

function outputText({ text, data, ename, evalue }: Output): string {
  if (text !== undefined) return joined(text).trimEnd();
  if (data?.["text/plain"] !== undefined) return joined(data["text/plain"]).trimEnd();
  if (ename !== undefined) return `${String(ename)}: ${String(evalue ?? "")}`;
  return data ? `(${Object.keys(data).join(", ")})` : "";
}
