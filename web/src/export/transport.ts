/** Answers the requests of the page from what is in its file: the API as docs/http_api.md states it, as far as the file goes. */
import type { ColumnInfo, RunsAnswer, RunsQuestion } from "../api/run_sets";
import type { LoggedRecord } from "../api/records";
import type { RunEvent } from "../api/events";
import type { ConsoleAnswer } from "../api/types";
import type { Archive } from "./archive";
import { nameOf } from "./names";
import { answerColumns } from "./run_columns";
import { answerConsole, answerRecords } from "./run_parts";
import { answerRuns, NotInFile } from "./run_rows";
import { answerSeries } from "./series_answers";
import { answerRows, type StoredRows } from "./table_rows";
import { archive } from "./the_archive";
import { ViewShelf } from "./view_shelf";

const shelf = new ViewShelf();

export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  // What an element shows may be read by the page as well: it has been made into a Blob.
  if (path.startsWith("blob:")) return fetch(path, init);
  try {
    return (
      (await answer(archive, path, init)) ??
      refusal(
        404,
        "NOT_IN_FILE",
        `${whatIs(path)} is not in this file: it is a picture of a moment, and the live page has more`,
      )
    );
  } catch (error) {
    if (!(error instanceof NotInFile)) throw error;
    return refusal(400, "NOT_IN_FILE", error.message);
  }
}

const refusal = (status: number, reason: string, message: string): Response =>
  Response.json({ error: { reason, message } }, { status });

function whatIs(path: string): string {
  const [, , , kind, project, part, name] = path.split("?")[0].split("/").map(decodeURIComponent);
  if (kind === "objects") return "this object";
  if (part === "runs" && name) return `run '${name}'`;
  return kind === "projects" && project ? `this part of project '${project}'` : "this";
}

async function answer(file: Archive, path: string, init: RequestInit): Promise<Response | null> {
  const url = new URL(path, "http://file.invalid");
  const query = url.searchParams;
  const parts = url.pathname.split("/").slice(3).map(decodeURIComponent);
  const method = init.method ?? "GET";
  const body = typeof init.body === "string" ? init.body : "";
  if (parts[0] === "series:query") return new Response(await answerSeries(file, body));
  if (parts[0] === "objects" && parts[2] === "rows") {
    const rows = await file.json<StoredRows>(nameOf(...parts));
    return rows && Response.json(answerRows(rows, JSON.parse(body)));
  }
  if (parts[0] === "projects" && parts[2] === "views") return shelf.answer(file, method, parts, body);
  if (parts[0] === "projects" && parts[2] === "runs:query") return answerRunsQuery(file, parts[1], body);
  if (method !== "GET") throw new NotInFile("this file is a picture of a moment: it changes nothing");
  if (parts[0] === "projects" && parts[2] === "columns") {
    const columns = await file.json<{ columns: ColumnInfo[] }>(nameOf(...parts));
    return columns && Response.json(answerColumns(columns.columns, file.index.run_count, query));
  }
  if (parts[0] === "projects" && parts[2] === "events") {
    const asked = new Set((query.get("runs") ?? "").split(","));
    const all = await file.json<{ events: RunEvent[] }>(nameOf(...parts));
    return Response.json({ events: (all?.events ?? []).filter((event) => asked.has(event.run_id)) });
  }
  if (parts[2] === "runs" && parts.length === 5) {
    const found = await answerOfRun(file, parts, query);
    if (found !== undefined) return found;
  }
  return (await file.response(nameOf(...parts))) ?? file.response(url.pathname);
}

async function answerRunsQuery(file: Archive, project: string, body: string): Promise<Response | null> {
  const table = await file.json<RunsAnswer>(nameOf("projects", project, "runs:query"));
  return table && Response.json(answerRuns(table, JSON.parse(body) as Partial<RunsQuestion>, file.index));
}

/** Undefined for what has no question of its own. */
async function answerOfRun(
  file: Archive,
  parts: string[],
  query: URLSearchParams,
): Promise<Response | null | undefined> {
  const key = query.get("key") ?? "";
  switch (parts[4]) {
    case "metrics":
      return file.response(nameOf(...parts, query.get("stream") ?? "history"));
    case "console": {
      const kept = await file.json<ConsoleAnswer>(nameOf(...parts, query.get("writer") ?? ""));
      return kept && Response.json(answerConsole(kept, query));
    }
    case "histograms":
      return file.response(nameOf(...parts, key));
    case "records:steps":
    case "records": {
      const kept = await file.json<{ records: LoggedRecord[] }>(
        nameOf(...parts.slice(0, 4), "records", key, query.get("kind") ?? ""),
      );
      if (!kept) return parts[4] === "records" ? null : Response.json({ steps: [] });
      if (parts[4] === "records") return Response.json(answerRecords(kept.records, query));
      return Response.json({ steps: kept.records.map((record) => record.step) });
    }
    default:
      return undefined;
  }
}
