/** Owns the errors of this client: one class for each thing that a program may want to tell apart. */

/** The base of all errors of trackd. The message is one sentence: what was seen, what is allowed, what to do. */
export class TrackdError extends Error {
  /** Takes the sentence. */
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A call that makes no sense: an option that cannot be, or a call on a finished run. Nothing of the call was done. */
export class UsageError extends TrackdError {}

/** A value that cannot be logged. The message names its key; the other values of the call are kept. */
export class ValueError extends TrackdError {}

/** `flush` or `finish` did not get everything onto the disk in time. The message says how much is not. */
export class TimeoutError extends TrackdError {}

/** The daemon refuses the run itself, so that nothing of it is kept. The message is the daemon's reason. */
export class RefusedError extends TrackdError {}

/** Returns the sentence of whatever was thrown. */
export function sentenceOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
