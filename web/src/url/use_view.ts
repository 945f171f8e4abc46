/** The view state of the page, read from and written to its address. */
import { useCallback, useMemo } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import { formatView, parseView, type ViewState } from "./view_state";

/**
 * Changes what is seen. A change that a person would want to undo with the back button is kept in the history; typing and
 * folding are not.
 */
export type ChangeView = (change: Partial<ViewState>, history?: "keep" | "replace") => void;

export function useView(): [ViewState, ChangeView] {
  const search = useSearch();
  const view = useMemo(() => parseView(search), [search]);
  const change = useCallback<ChangeView>((part, history = "replace") => {
    // Read anew, so that two changes in one moment add up.
    const query = formatView({ ...parseView(location.search), ...part });
    navigate(location.pathname + (query ? `?${query}` : ""), { replace: history === "replace" });
  }, []);
  return [view, change];
}
