/**
 * Owns the end of the process: runs that are open when nothing is left to do are finished with its exit code.
 *
 * A crash, a signal and `process.exit` leave no time for that: see "The process" in the README.
 */

/** What can be finished. */
export interface Finishable {
  finish(options: { readonly exitCode: number }): Promise<void>;
}

const open = new Map<Finishable, (thrown: unknown) => void>();

/** Has a run finished at the end of the process; `onFailure` hears why that failed. */
export function finishAtExit(run: Finishable, onFailure: (thrown: unknown) => void): void {
  if (open.size === 0) process.on("beforeExit", finishAll);
  open.set(run, onFailure);
}

/** Forgets a run that has ended. */
export function forget(run: Finishable): void {
  open.delete(run);
  if (open.size === 0) process.off("beforeExit", finishAll);
}

function finishAll(): void {
  const exitCode = Number(process.exitCode ?? 0);
  for (const [run, onFailure] of open) run.finish({ exitCode }).catch(onFailure);
}
