/** What can be done to a page of charts. */
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import type { PaletteAction } from "./actions";

export function viewActions(view: ViewState, change: ChangeView): PaletteAction[] {
  const actions: PaletteAction[] = [
    {
      id: "log-y",
      title: view.isLogY ? "Linear y axes" : "Logarithmic y axes",
      run: () => change({ isLogY: !view.isLogY }, "keep"),
    },
    {
      id: "log-x",
      title: view.isLogX ? "Linear x axes" : "Logarithmic x axes",
      run: () => change({ isLogX: !view.isLogX }, "keep"),
    },
  ];
  if (view.smoothing) {
    actions.push({ id: "no-smoothing", title: "Smoothing off", run: () => change({ smoothing: null }, "keep") });
  }
  if (view.zoom) actions.push({ id: "no-zoom", title: "Reset the zoom", run: () => change({ zoom: null }, "keep") });
  if (view.metrics) {
    actions.push({ id: "all-metrics", title: "Show all metrics", run: () => change({ metrics: "" }, "keep") });
  }
  if (view.hidden.length > 0 || view.only.length > 0 || view.runs || view.filter) {
    actions.push({
      id: "all-runs",
      title: "Show all runs",
      run: () => change({ hidden: [], only: [], runs: "", filter: "" }, "keep"),
    });
  }
  return actions;
}
