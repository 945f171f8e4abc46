/** Changes what a person says of a run: it is shown at once, and taken back with a word when the daemon refuses it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { editRuns } from "../api/run_sets";
import type { WholeRun } from "../api/types";
import { queryKeys } from "../data/queries";
import { changed, type RunChange } from "./run_change";

export interface RunEditing {
  edit: (change: RunChange) => void;
  /** Why the last change was not taken; null where it was. */
  error: Error | null;
}

export function useEdit(run: WholeRun): RunEditing {
  const client = useQueryClient();
  const key = queryKeys.run(run.project, run.run_id);
  const mutation = useMutation({
    mutationFn: (change: RunChange) => editRuns(run.project, { run_ids: [run.run_id], ...change }),
    onMutate: async (change) => {
      // An answer that was asked before would bring back what is just being changed.
      await client.cancelQueries({ queryKey: key });
      client.setQueryData<WholeRun>(key, (before) => before && changed(before, change));
    },
    onSettled: () => client.invalidateQueries({ queryKey: key }),
  });
  return { edit: mutation.mutate, error: mutation.error };
}
