/**
 * The layout of the page: that of the saved view the address names, or an empty one.
 *
 * A change is kept as it is made, the last one also where the page is closed right behind it. The first one to a page without a view
 * makes a view without a name and puts it into the address, so that the address says all there is to see; a person may name it later.
 */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { deleteView, fetchView, fetchViews, putView, type SavedView, type ViewListing } from "../api/views";
import { type Flushable, throttle } from "../data/throttle";
import type { ChangeView } from "../url/use_view";
import { formatView, parseView, type ViewState } from "../url/view_state";
import type { LayoutChange } from "./changes";
import { EMPTY_LAYOUT, type Layout, readLayout, writeLayout } from "./document";
import { LayoutHistory } from "./history";

export interface LayoutHandle {
  layout: Layout;
  /** What the view is called; empty without a view or a name. */
  name: string;
  /** Why the view that the address names cannot be shown, in a sentence. */
  problem: string | null;
  /** Whether the address or the layout differ from what was saved under the name. */
  isChanged: boolean;
  /** Changes of one topic in quick succession are undone as one. */
  change: (change: LayoutChange, topic?: string) => void;
  undo: (() => void) | null;
  redo: (() => void) | null;
  /** Keeps what is seen under a name; as another view, where that is asked. */
  save: (name: string, isNew: boolean) => void;
  remove: () => void;
}

const SAVE_INTERVAL_MS = 500;
// Views without a name are what a person tried and left: the oldest go.
const UNNAMED_MAX = 20;
const ID_LENGTH = 12;

const viewKey = (project: string, id: string) => ["view", project, id] as const;
const viewsKey = (project: string) => ["views", project] as const;

export const useViews = (project: string) =>
  useQuery({ queryKey: viewsKey(project), queryFn: ({ signal }) => fetchViews(project, signal), staleTime: 0 });

/** What this page knows of a view beyond the daemon. */
interface Editing {
  history: LayoutHistory;
  write: Flushable;
  error: Error | null;
}

const editings = new Map<string, Editing>();

addEventListener("pagehide", () => {
  for (const { write } of editings.values()) write.flush();
});

function editingOf(client: QueryClient, project: string, id: string, onError: () => void): Editing {
  const identity = JSON.stringify([project, id]);
  let editing = editings.get(identity);
  if (!editing) {
    const made: Editing = {
      history: new LayoutHistory(),
      error: null,
      write: throttle(() => {
        const saved = client.getQueryData<SavedView>(viewKey(project, id));
        if (!saved) return undefined;
        return putView(project, id, saved.name, saved.document).then(
          () => {
            made.error = null;
            void client.invalidateQueries({ queryKey: viewsKey(project) });
          },
          (error: Error) => {
            made.error = error;
            onError();
          },
        );
      }, SAVE_INTERVAL_MS),
    };
    editing = made;
    editings.set(identity, editing);
  }
  return editing;
}

export function useLayout(project: string, view: ViewState, changeView: ChangeView): LayoutHandle {
  const client = useQueryClient();
  const id = view.view;
  const query = useQuery({
    queryKey: viewKey(project, id ?? ""),
    queryFn: ({ signal }) => fetchView(project, id ?? "", signal),
    enabled: id !== null,
  });
  const saved = id === null ? undefined : query.data;
  const read = useMemo(() => (saved ? readLayout(saved.document) : null), [saved]);
  const layout = read ?? EMPTY_LAYOUT;
  const [, setVersion] = useState(0);
  const redraw = useCallback(() => setVersion((before) => before + 1), []);

  // A view opened by its id alone is seen as it was saved.
  useEffect(() => {
    if (id === null || !read?.query) return;
    if (formatView({ ...parseView(location.search), view: null }) !== "") return;
    changeView({ ...parseView(read.query), view: id });
  }, [id, read, changeView]);

  const put = useCallback(
    (viewId: string, name: string, next: Layout) => {
      client.setQueryData<SavedView>(viewKey(project, viewId), {
        id: viewId,
        name,
        update_time_unix_ms: Date.now(),
        document: writeLayout(next),
      });
      editingOf(client, project, viewId, redraw).write.call();
      redraw();
    },
    [client, project, redraw],
  );

  const change = useCallback(
    (make: LayoutChange, topic?: string) => {
      // Read anew, so that two changes in one moment add up.
      const now = parseView(location.search);
      const held = now.view === null ? undefined : client.getQueryData<SavedView>(viewKey(project, now.view));
      const before = (held && readLayout(held.document)) ?? EMPTY_LAYOUT;
      const next = make(before);
      if (next === before) return;
      const viewId = now.view ?? newId();
      editingOf(client, project, viewId, redraw).history.note(before, topic, Date.now());
      put(viewId, held?.name ?? "", now.view === null ? { ...next, query: formatView(now) } : next);
      if (now.view === null) {
        changeView({ view: viewId });
        void dropUnnamed(client, project);
      }
    },
    [client, project, put, changeView, redraw],
  );

  const editing = id === null ? undefined : editings.get(JSON.stringify([project, id]));
  const go = (step: "undo" | "redo") => {
    if (id === null || !editing) return;
    const next = editing.history[step](layout);
    if (next) put(id, saved?.name ?? "", next);
  };

  const save = useCallback(
    (name: string, isNew: boolean) => {
      const viewId = id === null || isNew ? newId() : id;
      put(viewId, name, { ...layout, query: formatView({ ...parseView(location.search), view: null }) });
      changeView({ view: viewId }, "keep");
    },
    [id, layout, put, changeView],
  );

  const remove = useCallback(() => {
    if (id === null) return;
    editings.get(JSON.stringify([project, id]))?.write.cancel();
    editings.delete(JSON.stringify([project, id]));
    changeView({ view: null }, "keep");
    void deleteView(project, id).then(() => {
      client.removeQueries({ queryKey: viewKey(project, id) });
      return client.invalidateQueries({ queryKey: viewsKey(project) });
    });
  }, [id, client, project, changeView]);

  const problem =
    id === null
      ? null
      : query.error
        ? `This view cannot be read: ${query.error.message}.`
        : saved && !read
          ? "This view was made by a later trackd and cannot be read by this one."
          : editing?.error
            ? `Changes of this view are not kept: ${editing.error.message}.`
            : null;
  const isChanged =
    read !== null && saved?.name !== "" && formatView({ ...view, view: null }) !== formatView(parseView(read.query));
  return {
    layout,
    name: saved?.name ?? "",
    problem,
    isChanged,
    change,
    undo: editing?.history.canUndo ? () => go("undo") : null,
    redo: editing?.history.canRedo ? () => go("redo") : null,
    save,
    remove,
  };
}

/** A new id: of about 62 bits, without `crypto.randomUUID`, which a page over plain HTTP does not have. */
export function newId(): string {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return [...crypto.getRandomValues(new Uint8Array(ID_LENGTH))].map((byte) => letters[byte % letters.length]).join("");
}

async function dropUnnamed(client: QueryClient, project: string): Promise<void> {
  const views = await client.fetchQuery<ViewListing[]>({
    queryKey: viewsKey(project),
    queryFn: () => fetchViews(project),
  });
  const unnamed = views.filter((one) => one.name === "");
  unnamed.sort((a, b) => b.update_time_unix_ms - a.update_time_unix_ms);
  for (const one of unnamed.slice(UNNAMED_MAX)) await deleteView(project, one.id);
}
