/**
 * All kinds of panels on one page, for work on them: `npm run dev`, then `/dev/panels.html?project=NAME`, with `&kind=KIND` for one of them in
 * the whole window and `&config=JSON` for how it is set.
 */
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { StrictMode, Suspense, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { fetchColumns } from "../src/api/run_sets";
import { useTheme } from "../src/app/theme";
import { queryClient, useRuns } from "../src/data/queries";
import { useLive } from "../src/data/use_live";
import { colorOrder, chooseRuns, showRuns } from "../src/panel/shown_runs";
import type { AnyPanelKind } from "../src/panels/kind";
import { kindNamed, PANEL_KINDS } from "../src/panels/kinds";
import { useView } from "../src/url/use_view";
import { useSlots } from "../src/workspace/use_slots";
import "../src/app/global.css";

const query = new URLSearchParams(location.search);
const project = query.get("project") ?? "";
const only = kindNamed(query.get("kind") ?? "");

function Panels() {
  useLive(project, null);
  const theme = useTheme();
  const [view] = useView();
  const { data } = useRuns(project, 10_000);
  const names = useQuery({
    queryKey: ["dev-columns", project],
    queryFn: () => fetchColumns(project, { search: "", varying: false, filter: "", offset: 0, limit: 1000 }),
  });
  const { visible } = useMemo(() => chooseRuns(data?.runs ?? [], view), [data, view]);
  const slots = useSlots(useMemo(() => colorOrder(visible), [visible]));
  const runs = useMemo(() => showRuns(visible, slots, theme, view.highlight), [visible, slots, theme, view.highlight]);
  if (!data || !names.data) return null;
  const columnNames = names.data.columns.map(({ name }) => name);
  const shared = { runs, columnNames };
  if (only) {
    return (
      <div style={{ height: "100dvh" }}>
        <Panel kind={only} isLarge {...shared} />
      </div>
    );
  }
  return (
    <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fill, minmax(340px, 1fr))", gap: 8, padding: 8 }}>
      {PANEL_KINDS.map((kind) => (
        <Panel key={kind.kind} kind={kind} {...shared} />
      ))}
    </div>
  );
}

interface PanelBoxProps {
  kind: AnyPanelKind;
  runs: ReturnType<typeof showRuns>;
  columnNames: string[];
  isLarge?: boolean;
}

function Panel({ kind, runs, columnNames, isLarge = false }: PanelBoxProps) {
  const [view, changeView] = useView();
  const [config, change] = useState<unknown>(
    () => kind.parse(JSON.parse(query.get("config") ?? "null")) ?? kind.initial([], columnNames),
  );
  const { View, Editor } = kind;
  return (
    <article aria-label={kind.kind} style={{ height: isLarge ? "100%" : undefined, border: "1px solid var(--border)" }}>
      <h3 style={{ margin: 4, fontSize: 13 }}>{kind.titleOf(config)}</h3>
      <div style={{ height: isLarge ? "calc(100% - 30px)" : 236 }}>
        <Suspense>
          <View {...{ project, runs, config, change, view, changeView, isFullScreen: isLarge }} />
        </Suspense>
      </div>
      {!isLarge && (
        <details>
          <summary>Edit</summary>
          <Suspense>
            <Editor config={config} change={change} metricNames={[]} columnNames={columnNames} />
          </Suspense>
        </details>
      )}
    </article>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Panels />
    </QueryClientProvider>
  </StrictMode>,
);
