/** The step chosen for a card, as the address has it; while the slider moves, ahead of the address. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { ChangeView } from "../url/use_view";
import { parseView, type ViewState } from "../url/view_state";

// Browsers refuse an address that changes more often than some hundred times in half a minute: it follows a slider at rest.
const REST_MS = 200;

interface Draft {
  step: number | null;
}

export function useChosenStep(
  card: string,
  view: ViewState,
  changeView: ChangeView,
): [number | null, (step: number | null) => void] {
  const [draft, setDraft] = useState<Draft | null>(null);
  const unsaved = useRef<Draft | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const save = useCallback(() => {
    clearTimeout(timer.current);
    const last = unsaved.current;
    if (!last) return;
    unsaved.current = null;
    const steps = { ...parseView(location.search).steps };
    if (last.step === null) delete steps[card];
    else steps[card] = last.step;
    changeView({ steps });
  }, [card, changeView]);

  // A card that leaves the page has been chosen for all the same.
  useEffect(() => save, [save]);

  const choose = useCallback(
    (step: number | null) => {
      unsaved.current = { step };
      setDraft(unsaved.current);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        save();
        setDraft(null);
      }, REST_MS);
    },
    [save],
  );

  return [draft ? draft.step : (view.steps[card] ?? null), choose];
}
