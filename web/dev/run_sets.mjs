// The mock's answers about sets of runs: `runs:query`, `columns`, `runs:edit`, `runs:delete`, `runs:csv` (docs/http_api.md).
import { compileFilter, FilterError } from "./filters.mjs";

const flat = (value, prefix) =>
  Object.entries(value).flatMap(([key, inner]) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? flat(inner, `${prefix}${key}.`)
      : [[prefix + key, inner]],
  );

function valuesOf({ brief, whole }) {
  return new Map([
    ["name", brief.name],
    ["id", brief.run_id],
    ["state", brief.state],
    ["group", brief.group || null],
    ["job_type", brief.job_type || null],
    ["tags", brief.tags],
    ["notes", brief.notes || null],
    ["create_time", brief.create_time_unix_ms],
    ["update_time", brief.update_time_unix_ms],
    ["finish_time", brief.finish_time_unix_ms],
    ["duration", ((brief.finish_time_unix_ms ?? Date.now()) - brief.create_time_unix_ms) / 1000],
    ["host", brief.process?.host ?? null],
    ["step", brief.next_step - 1],
    ["metric_count", brief.metric_count],
    ["archived", Boolean(brief.archived)],
    ...flat(whole.config, "config."),
    ...flat(whole.summary, "summary."),
  ]);
}

// The mock's runs change in place: what they hold is made again for each of their revisions.
const made = new WeakMap();
function read(run, column) {
  const known = made.get(run);
  if (known?.revision === run.brief.revision) return known.values.get(column) ?? null;
  const values = valuesOf(run);
  made.set(run, { revision: run.brief.revision, values });
  return values.get(column) ?? null;
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a < typeof b ? -1 : 1;
  const [left, right] = Array.isArray(a) ? [a.join(), b.join()] : [a, b];
  return left < right ? -1 : Number(left > right);
}

function matching(runs, { filter = "", search = "", archived = "without" }) {
  const isMatch = compileFilter(filter, read);
  const expression = new RegExp(search, "i");
  return runs.filter(
    (run) =>
      (archived === "with" || Boolean(run.brief.archived) === (archived === "only")) &&
      expression.test(run.brief.name) &&
      isMatch(run),
  );
}

function ordered(runs, { sort = [], group_by = [] }) {
  const terms = [...group_by.map((column) => ({ column, descending: false })), ...sort];
  return runs.toSorted((a, b) => {
    for (const { column, descending } of terms) {
      const [left, right] = [read(a, column), read(b, column)];
      const order = compare(left, right);
      if (order !== 0) return descending && left !== null && right !== null ? -order : order;
    }
    return 0;
  });
}

function groupsOf(runs, levels, aggregates) {
  const groups = [];
  const split = (from, end, level) => {
    for (let first = from; first < end;) {
      const values = levels.slice(0, level + 1).map((column) => read(runs[first], column));
      const key = JSON.stringify(values.at(-1));
      let last = first;
      while (last < end && JSON.stringify(read(runs[last], levels[level])) === key) last++;
      const own = runs.slice(first, last);
      const isInnermost = level === levels.length - 1;
      groups.push({
        level,
        values,
        first,
        count: own.length,
        running_count: own.filter((run) => run.brief.state === "running").length,
        run_ids: isInnermost ? own.map((run) => run.brief.run_id) : [],
        aggregates: aggregates.flatMap((column) => {
          const numbers = own.map((run) => read(run, column)).filter((value) => Number.isFinite(value));
          if (numbers.length === 0) return [];
          const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
          return [{ column, count: numbers.length, min: Math.min(...numbers), max: Math.max(...numbers), mean }];
        }),
      });
      if (!isInnermost) split(first, last, level + 1);
      first = last;
    }
  };
  if (levels.length > 0) split(0, runs.length, 0);
  return groups;
}

function answerQuery(runs, question) {
  const found = ordered(matching(runs, question), question);
  const rows = found.slice(question.offset ?? 0, (question.offset ?? 0) + (question.limit ?? 100));
  return {
    total_count: found.length,
    project_run_count: runs.length,
    revision: runs.reduce((sum, run) => sum + run.brief.revision, 0),
    run_ids: rows.map((run) => run.brief.run_id),
    columns: (question.columns ?? []).map((name) => ({ name, values: rows.map((run) => read(run, name)) })),
    runs: question.with_runs ? rows.map((run) => run.brief) : [],
    groups: groupsOf(found, question.group_by ?? [], question.aggregates ?? []),
  };
}

function kindOf(name, values) {
  if (name.endsWith("_time")) return "time";
  if (name === "duration") return "duration";
  const kinds = new Set(values.map((value) => (Array.isArray(value) ? "list" : typeof value)));
  const [kind] = kinds;
  return kinds.size > 1 ? "mixed" : ({ boolean: "bool" }[kind] ?? kind);
}

function answerColumns(runs, query) {
  const found = matching(runs, { filter: query.get("filter") ?? "", archived: "with" });
  const names = new Set(found.flatMap((run) => (read(run, "name"), [...made.get(run).values.keys()])));
  const letters = [...(query.get("search") ?? "").toLowerCase()];
  const isFound = (name) => {
    let at = -1;
    return letters.every((letter) => (at = name.toLowerCase().indexOf(letter, at + 1)) >= 0);
  };
  const columns = [...names].filter(isFound).flatMap((name) => {
    const values = found.map((run) => read(run, name)).filter((value) => value !== null);
    const texts = new Set(values.map((value) => JSON.stringify(value)));
    const isVarying = texts.size > 1 || values.length < found.length;
    if (query.get("varying") === "true" && !isVarying) return [];
    const numbers = values.filter((value) => Number.isFinite(value));
    return {
      name,
      kind: kindOf(name, values),
      run_count: values.length,
      distinct_count: Math.min(1000, texts.size),
      min: numbers.length > 0 ? Math.min(...numbers) : null,
      max: numbers.length > 0 ? Math.max(...numbers) : null,
      values: [...texts]
        .slice(0, 50)
        .map((text) => JSON.parse(text))
        .flat()
        .filter((value) => typeof value !== "number"),
    };
  });
  const offset = Number(query.get("offset") ?? 0);
  return { total_count: columns.length, columns: columns.slice(offset, offset + Number(query.get("limit") ?? 100)) };
}

function edit(runs, change) {
  const chosen = runs.filter((run) => change.run_ids.includes(run.brief.run_id));
  for (const { brief } of chosen) {
    for (const field of ["name", "notes", "group", "archived"]) {
      if (change[field] !== undefined) brief[field] = change[field];
    }
    const removed = new Set(change.remove_tags ?? []);
    brief.tags = [...new Set([...brief.tags, ...(change.add_tags ?? [])])].filter((tag) => !removed.has(tag));
    brief.revision++;
  }
  return { run_count: chosen.length };
}

function remove(runs, ids) {
  const before = runs.length;
  runs.splice(0, before, ...runs.filter((run) => !ids.includes(run.brief.run_id)));
  return { run_count: before - runs.length };
}

function makeCsv(runs, question) {
  const { run_ids, columns } = answerQuery(runs, { ...question, offset: 0, limit: Infinity });
  const field = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replace(/"/g, '""')}"` : String(value));
  const lines = run_ids.map((_, row) => columns.map(({ values }) => field(values[row] ?? "")).join(","));
  return [columns.map(({ name }) => field(name)).join(","), ...lines, ""].join("\r\n");
}

/** What a set of runs is asked, answered; null for other questions. */
export function answerRunSets(runs, segment, query, body) {
  try {
    if (segment === "runs:query") return { json: answerQuery(runs, JSON.parse(body)) };
    if (segment === "columns") return { json: answerColumns(runs, query) };
    if (segment === "runs:edit") return { json: edit(runs, JSON.parse(body)) };
    if (segment === "runs:delete") return { json: remove(runs, JSON.parse(body).run_ids) };
    if (segment === "runs:csv") return { bytes: Buffer.from(makeCsv(runs, JSON.parse(body))), type: "text/csv" };
    return null;
  } catch (error) {
    if (!(error instanceof FilterError) && !(error instanceof SyntaxError)) throw error;
    const metadata = error instanceof FilterError ? { position: String(error.position) } : {};
    return { status: 400, reason: "INVALID_FILTER", message: error.message, metadata };
  }
}

const KEYS = 200;

/** A project of many runs with many columns and no curves, to scroll in; made when it is first asked for. */
export function addWideTable(projects, makeRun) {
  const runs = Array.from({ length: 10_000 }, (_, index) => {
    const run = makeRun("wide-table", index);
    for (let key = 0; key < KEYS; key++) {
      if (key % 2) run.whole.config[`option.${key}`] = (index * key) % 7;
      else run.whole.summary[`metric/${key}`] = Math.sin(index + key) + 1;
    }
    return run;
  });
  projects.set("wide-table", runs);
}
