/**
 * The zooms of this visit, so that one key goes back to the one before.
 *
 * The browser's history holds them, for its own back button; here is only which of its entries a zoom has made.
 */
import type { ChangeView } from "../url/use_view";
import type { Zoom } from "../url/view_state";

interface Made {
  /** The address that the zoom has led to. */
  address: string;
  before: Zoom | null;
}

const made: Made[] = [];
// A gesture is one entry of the history, however often it settles.
const GESTURE_MS = 1000;
let lastMs = -Infinity;

/** Zooms all charts over the same axis. `isGesture` says that more of the same may follow at once, as a wheel turns. */
export function zoomTo(zoom: Zoom | null, before: Zoom | null, changeView: ChangeView, isGesture = false): void {
  const now = performance.now();
  const isSame = isGesture && now - lastMs < GESTURE_MS && made.at(-1)?.address === location.href;
  lastMs = isGesture ? now : -Infinity;
  if (isSame) {
    changeView({ zoom }, "replace");
    made[made.length - 1].address = location.href;
  } else {
    changeView({ zoom }, "keep");
    made.push({ address: location.href, before });
  }
}

/** Goes to the zoom before this one; to all of the axis where this visit has made none. */
export function zoomBack(changeView: ChangeView, now: Zoom | null): void {
  const last = made.pop();
  if (last?.address === location.href) history.back();
  else if (last) changeView({ zoom: last.before }, "keep");
  else if (now) changeView({ zoom: null }, "keep");
}
