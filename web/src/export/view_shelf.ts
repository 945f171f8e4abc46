/** The saved views of an exported page: the one that was exported, and what a person changes while the page is open. */
import type { SavedView } from "../api/views";
import type { Archive } from "./archive";
import { nameOf } from "./names";

export class ViewShelf {
  readonly #changed = new Map<string, SavedView>();
  readonly #removed = new Set<string>();

  async answer(file: Archive, method: string, parts: readonly string[], body: string): Promise<Response | null> {
    const id = parts[3];
    if (id === undefined) {
      const own = (await file.json<{ views: SavedView[] }>(nameOf(...parts)))?.views ?? [];
      const kept = own.filter((view) => !this.#changed.has(view.id) && !this.#removed.has(view.id));
      return Response.json({ views: [...this.#changed.values(), ...kept] });
    }
    if (method === "PUT") {
      const { name, document } = JSON.parse(body) as SavedView;
      this.#removed.delete(id);
      this.#changed.set(id, { id, name, document, update_time_unix_ms: Date.now() });
      return Response.json({});
    }
    if (method === "DELETE") {
      this.#changed.delete(id);
      this.#removed.add(id);
      return Response.json({});
    }
    const changed = this.#changed.get(id);
    if (changed) return Response.json(changed);
    return this.#removed.has(id) ? null : file.response(nameOf(...parts));
  }
}
