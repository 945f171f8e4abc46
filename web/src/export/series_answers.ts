/**
 * Answers `series:query` from what is in the file, in the form of docs/http_api.md.
 *
 * A line is there over each of its axes, whole, in so many buckets: a zoom is cut out of it and made no finer; smoothed as it was in
 * the view that was exported and not otherwise. What cannot be answered as asked is said.
 */
import { MAGIC, type SeriesSmoothing } from "../api/series";
import { formatCount, plural } from "../format/number";
import type { Archive, Place, StoredSeries } from "./archive";
import { type SeriesSource, seriesName } from "./names";
import { say } from "./said";

interface Asked extends SeriesSource {
  project: string;
}

interface Question {
  x?: string;
  min_x?: number | null;
  max_x?: number | null;
  smoothing?: SeriesSmoothing | null;
  series: Asked[];
}

interface Column {
  name: string;
  type: "float64" | "uint32";
  values: Float64Array | Uint32Array;
}

interface Answer {
  header: Record<string, unknown>;
  columns: Column[];
}

export async function answerSeries(archive: Archive, body: string): Promise<ArrayBuffer> {
  const question = JSON.parse(body) as Question;
  const known = await archive.series();
  const answers: Answer[] = [];
  let missingCount = 0;
  for (const asked of question.series) {
    const stored = known.get(seriesName(asked, question.x ?? "step"));
    if (!stored) missingCount++;
    answers.push(stored ? await answerOne(archive, stored, asked, question) : nothing(asked));
  }
  if (missingCount > 0)
    say(
      `${plural(missingCount, "line")} that would be drawn here ${missingCount === 1 ? "is" : "are"} not in this file.`,
    );
  return encode(answers);
}

const echo = ({ project, run, group, key, expression }: Asked) => ({
  project,
  run: group ? group.id : run,
  key: expression || key,
});

const nothing = (asked: Asked): Answer => ({
  header: {
    ...echo(asked),
    kind: "number",
    mode: "points",
    delta: false,
    count: 0,
    revision: 0,
    x_base: "0",
    x_extent: null,
  },
  columns: [],
});

async function answerOne(archive: Archive, stored: StoredSeries, asked: Asked, question: Question): Promise<Answer> {
  const columns: Column[] = [];
  for (const [name, { type, place }] of Object.entries(stored.columns))
    columns.push(await read(archive, name, type, place));
  const smoothed = smoothedPlace(stored, question.smoothing ?? null);
  if (smoothed) columns.push(await read(archive, "smoothed", "float64", smoothed));
  const { header } = stored;
  const base = Number(header.x_base);
  const [first, end] = rangeOf(
    columns,
    header.mode,
    (question.min_x ?? -Infinity) - base,
    (question.max_x ?? Infinity) - base,
  );
  const cut = columns.map((column) => ({ ...column, values: column.values.subarray(first, end) }));
  const count = end - first;
  const isCut = count < header.count;
  if (isCut && header.mode === "buckets") {
    say(
      `This file holds ${plural(header.count, "bucket")} of ${formatCount(header.points_per_bucket)} points of this line: only the live page can zoom in further.`,
    );
  }
  const totalCount = !isCut
    ? header.total_count
    : header.mode === "buckets"
      ? Math.min(header.total_count, count * header.points_per_bucket)
      : count;
  return { header: { ...header, ...echo(asked), delta: false, count, total_count: totalCount }, columns: cut };
}

async function read(archive: Archive, name: string, type: Column["type"], place: Place): Promise<Column> {
  const bytes = await archive.bytes(place);
  return { name, type, values: type === "float64" ? new Float64Array(bytes) : new Uint32Array(bytes) };
}

function smoothedPlace({ smoothed }: StoredSeries, smoothing: SeriesSmoothing | null): Place | null {
  if (!smoothing) return null;
  const place = smoothed[`${smoothing.kind}:${smoothing.amount}`];
  if (place) return place;
  const others = Object.keys(smoothed).map((name) => name.replace(":", " ").replace("_", " "));
  say(
    others.length > 0
      ? `The lines in this file are smoothed by ${others.join(" and ")}; another smoothing needs the live page.`
      : "The lines in this file are not smoothed: smoothing needs the live page.",
  );
  return null;
}

/** Which points or buckets have a part in the range, counted from the base. */
function rangeOf(columns: readonly Column[], mode: string, min: number, max: number): [number, number] {
  const named = (name: string) => columns.find((column) => column.name === name)?.values ?? new Float64Array();
  const [firsts, lasts] = mode === "buckets" ? [named("x_first"), named("x_last")] : [named("x"), named("x")];
  let first = 0;
  while (first < lasts.length && lasts[first] < min) first++;
  let end = firsts.length;
  while (end > first && firsts[end - 1] > max) end--;
  return [first, end];
}

const ALIGNMENT = 8;
const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

function encode(answers: readonly Answer[]): ArrayBuffer {
  let offset = 0;
  const series = answers.map(({ header, columns }) => ({
    ...header,
    columns: columns.map(({ name, type, values }) => {
      const described = { name, type, offset, length: values.length };
      offset += aligned(values.byteLength);
      return described;
    }),
  }));
  const text = new TextEncoder().encode(JSON.stringify({ series }));
  const start = aligned(MAGIC.length + 4 + text.length);
  const bytes = new Uint8Array(start + offset).fill(0x20, 0, start);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, start - MAGIC.length - 4, true);
  bytes.set(text, MAGIC.length + 4);
  let at = start;
  for (const { columns } of answers) {
    for (const { values } of columns) {
      bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
      at += aligned(values.byteLength);
    }
  }
  return bytes.buffer;
}
