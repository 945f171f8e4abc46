/** Which runs are drawn, as the address has it: all but the hidden ones, or only some. */
import type { ViewState } from "../url/view_state";

type Visibility = Pick<ViewState, "hidden" | "only">;

export const isDrawn = ({ hidden, only }: Visibility, run: string): boolean =>
  only.length > 0 ? only.includes(run) : !hidden.includes(run);

/** The change after which a run is drawn that was not, or the other way round. */
export function toggledRun({ hidden, only }: Visibility, run: string): Partial<Visibility> {
  const other = (runs: readonly string[]) => (runs.includes(run) ? runs.filter((one) => one !== run) : [...runs, run]);
  return only.length > 0 ? { only: other(only) } : { hidden: other(hidden) };
}
