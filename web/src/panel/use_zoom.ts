/** The part of an axis that is shown, as the address holds it, and the ways to change it. */
import { useCallback } from "react";
import type { XAxis } from "../api/series";
import type { ChangeView } from "../url/use_view";
import type { Zoom } from "../url/view_state";
import type { Range } from "./zoom";
import { zoomBack, zoomTo } from "./zoom_history";

export interface ZoomState {
  isZoomed: boolean;
  /** A range on the axis itself; null for all of it. `isGesture`: more of the same may follow at once. */
  zoom: (range: Range | null, isGesture: boolean) => void;
  back: () => void;
}

export function useZoom(axis: XAxis, now: Zoom | null, changeView: ChangeView): ZoomState {
  const zoom = useCallback(
    (range: Range | null, isGesture: boolean) => {
      if (!range && !now) return;
      if (range && now?.axis === axis && range[0] === now.min && range[1] === now.max) return;
      zoomTo(range && { min: range[0], max: range[1], axis }, now, changeView, isGesture);
    },
    [axis, now, changeView],
  );
  const back = useCallback(() => zoomBack(changeView, now), [changeView, now]);
  return { isZoomed: now?.axis === axis, zoom, back };
}
