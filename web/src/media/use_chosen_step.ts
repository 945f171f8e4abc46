/** The step chosen for a card or a section, as the address has it; while the slider moves, ahead of the address. */
import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { ChangeView } from "../url/use_view";
import { parseView, type ViewState } from "../url/view_state";

// Browsers refuse an address that changes more often than some hundred times in half a minute: it follows a slider at rest.
const REST_MS = 200;

interface Draft {
  step: number | null;
  timer: ReturnType<typeof setTimeout>;
  save: () => void;
}

// Shared by all cards: those of a section follow its slider while it moves.
const drafts = new Map<string, Draft>();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

const tell = () => {
  for (const listener of listeners) listener();
};

/** Chooses a step under a name, null for the latest; the address follows when it has come to rest. */
export function chooseStep(id: string, step: number | null, changeView: ChangeView): void {
  const save = () => {
    clearTimeout(drafts.get(id)?.timer);
    drafts.delete(id);
    const steps = { ...parseView(location.search).steps };
    if (step === null) delete steps[id];
    else steps[id] = step;
    // The latest is what nothing was chosen for: a step marked on a chart would be gone to instead.
    changeView(step === null ? { steps, cursor: null } : { steps });
    tell();
  };
  clearTimeout(drafts.get(id)?.timer);
  // No slider moves to the latest, it is pressed: written later, it would take back a step marked meanwhile.
  if (step === null) return save();
  drafts.set(id, { step, timer: setTimeout(save, REST_MS), save });
  tell();
}

/** What is chosen under a name; null for nothing. */
export function useStepOf(id: string | null, view: ViewState): number | null {
  const draft = useSyncExternalStore(subscribe, () => (id === null ? undefined : drafts.get(id)));
  return draft ? draft.step : id === null ? null : (view.steps[id] ?? null);
}

export function useChosenStep(
  id: string,
  view: ViewState,
  changeView: ChangeView,
): [number | null, (step: number | null) => void] {
  const chosen = useStepOf(id, view);
  // A card that leaves the page has been chosen for all the same.
  useEffect(() => () => drafts.get(id)?.save(), [id]);
  return [chosen, useCallback((step) => chooseStep(id, step, changeView), [id, changeView])];
}
