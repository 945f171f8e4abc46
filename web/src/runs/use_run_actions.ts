/** What is done to many runs at once, each with its way back: edits by the inverse edit, deleting by waiting. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { deleteRuns, editRuns, queryRuns, type RunsEdit } from "../api/run_sets";
import type { Run } from "../api/types";
import { queryKeys } from "../data/queries";
import { plural } from "../format/number";
import { dropNotice, showNotice } from "../ui/notices";
import { editWords, inverseEdits } from "./edits";
import { inParts, questionOf } from "./question";

const UNDO_SECONDS = 8;
const REFUSED_SECONDS = 20;

export interface RunActions {
  /** Runs on their way out: they are not shown any more, and not yet deleted. */
  leaving: readonly string[];
  edit: (edit: RunsEdit) => Promise<void>;
  remove: (ids: readonly string[]) => void;
}

/** The runs of these ids as they stand now. */
export async function fetchTheseRuns(project: string, ids: readonly string[]): Promise<Run[]> {
  const runs: Run[] = [];
  for (const part of inParts(ids)) runs.push(...(await queryRuns(project, questionOf(part))).runs);
  return runs;
}

function refuse(what: string, error: unknown): void {
  showNotice({ words: `${what}: ${(error as Error).message}`, isBad: true, seconds: REFUSED_SECONDS });
}

export function useRunActions(project: string): RunActions {
  const client = useQueryClient();
  const [leaving, setLeaving] = useState<readonly string[]>([]);
  const waiting = useRef<readonly string[]>([]);

  const askAgain = useCallback(
    () =>
      Promise.all([
        client.invalidateQueries({ queryKey: queryKeys.runSets(project) }),
        client.invalidateQueries({ queryKey: queryKeys.runColumns(project) }),
        client.invalidateQueries({ queryKey: queryKeys.runs(project) }),
      ]),
    [client, project],
  );

  const edit = useCallback(
    async (change: RunsEdit) => {
      try {
        const inverse = inverseEdits(change, await fetchTheseRuns(project, change.run_ids));
        await editRuns(project, change);
        await askAgain();
        const undo = async () => {
          try {
            for (const one of inverse) await editRuns(project, one);
          } catch (error) {
            refuse("Not all could be undone", error);
          }
          await askAgain();
        };
        const action = inverse.length > 0 ? { label: "Undo", run: () => void undo() } : undefined;
        showNotice({ words: editWords(change), action, seconds: UNDO_SECONDS });
      } catch (error) {
        refuse("Nothing was changed", error);
      }
    },
    [project, askAgain],
  );

  const remove = useCallback(
    (ids: readonly string[]) => {
      // Those that wait already join these, so that one bar can take back all.
      const all = [...new Set([...waiting.current, ...ids])];
      if (waiting.current.length > 0) dropNotice();
      waiting.current = all;
      setLeaving((before) => [...new Set([...before, ...all])]);
      const giveBack = (): void => setLeaving((before) => before.filter((id) => !all.includes(id)));
      showNotice({
        words: `${plural(all.length, "run")} will be deleted`,
        isCountdown: true,
        seconds: UNDO_SECONDS,
        action: {
          label: "Undo",
          run: () => {
            waiting.current = [];
            giveBack();
          },
        },
        onEnd: () => {
          waiting.current = [];
          deleteRuns(project, all)
            .catch((error: unknown) => refuse("Not all were deleted", error))
            .then(askAgain)
            .then(giveBack, giveBack);
        },
      });
    },
    [project, askAgain],
  );

  // Who leaves the page has not waited: nothing is deleted.
  useEffect(() => dropNotice, []);

  return { leaving, edit, remove };
}
