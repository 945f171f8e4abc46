/** The address of the comparing page. Pure. */
import { formatView, type ViewState } from "../url/view_state";

/** The query of the page's address: its runs, then what is seen. */
export function compareQuery(ids: readonly string[], view: ViewState): string {
  const runs = ids.length > 0 ? `runs=${encodeURIComponent(ids.map(encodeURIComponent).join(","))}` : "";
  return [runs, formatView(view)].filter(Boolean).join("&");
}
