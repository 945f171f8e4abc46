/**
 * The questions that cards watch, and how far each one's run has come: what the stores of series and of records have in common.
 *
 * A store says how a question is told from others, when it is asked and what is dropped; here is who waits for it.
 */
export interface Watch<Question> {
  update(questions: readonly Question[]): void;
  close(): void;
}

export interface Watcher {
  identities: Set<string>;
  changed: () => void;
}

export interface Watched<Question> {
  question: Question;
  identity: string;
  error: Error | null;
  /** The revision of the run that was known when this was last asked; -1 for never. */
  askedRevision: number;
  isAsked: boolean;
  watchers: Set<Watcher>;
}

export interface RunName {
  project: string;
  run: string;
}

/** How far a run has come: in all, and in what was logged, without what is measured of the machine. */
interface Revisions {
  all: number;
  logged: number;
}

/** Names a run over all projects. */
const runIdentity = ({ project, run }: RunName) => JSON.stringify([project, run]);

// In the name of every series of what is measured of the machine, and so in what tells a question about it from others.
const MEASURED = "_system/";

export abstract class WatchedStore<Question, Extra extends object> {
  protected readonly entries = new Map<string, Watched<Question> & Extra>();
  private readonly revisions = new Map<string, Revisions>();

  protected abstract identityOf(question: Question): string;
  protected abstract runOf(question: Question): RunName;
  /** What an entry holds besides who watches it, while it was never asked. */
  protected abstract empty(): Extra;
  /** Whether there is an answer, be it an old one. */
  protected abstract isAnswered(entry: Extra): boolean;
  /** Drops entries that nobody watches, where there are too many. */
  protected abstract evict(): void;
  /** Looks for questions to ask; to be called when the page is shown again. */
  abstract wake(): void;

  error(question: Question): Error | null {
    return this.held(question)?.error ?? null;
  }

  /**
   * Keeps the questions answered and up to date until closed; `changed` is called for each answer that brought something.
   *
   * It is called too where a question is new to the watcher and not to the store: its answer may have come since the watcher looked.
   */
  watch(changed: () => void): Watch<Question> {
    const watcher: Watcher = { identities: new Set(), changed };
    return {
      update: (questions) => {
        const wanted = new Set<string>();
        let hasKnown = false;
        for (const question of questions) {
          const entry = this.entryOf(question);
          wanted.add(entry.identity);
          const isNew = !watcher.identities.has(entry.identity);
          hasKnown ||= isNew && (entry.error !== null || this.isAnswered(entry));
          entry.watchers.add(watcher);
        }
        for (const identity of watcher.identities) {
          if (!wanted.has(identity)) this.entries.get(identity)?.watchers.delete(watcher);
        }
        watcher.identities = wanted;
        this.wake();
        this.evict();
        if (hasKnown) changed();
      },
      close: () => {
        for (const identity of watcher.identities) this.entries.get(identity)?.watchers.delete(watcher);
        watcher.identities.clear();
        this.evict();
      },
    };
  }

  /** Notes how far a run has come; what is shown of it is brought up to date. */
  noteRevision(project: string, run: string, revision: number, loggedRevision = revision): void {
    const identity = runIdentity({ project, run });
    if ((this.revisions.get(identity)?.all ?? -1) >= revision) return;
    this.revisions.set(identity, { all: revision, logged: loggedRevision });
    this.wake();
  }

  /** Asks again what could not be answered: the daemon is back, or a person wants to try. */
  retry(): void {
    for (const entry of this.entries.values()) {
      if (!entry.error) continue;
      entry.error = null;
      entry.askedRevision = -1;
    }
    this.wake();
  }

  protected held(question: Question): (Watched<Question> & Extra) | undefined {
    return this.entries.get(this.identityOf(question));
  }

  protected revisionOf(entry: Watched<Question>): number {
    return this.knownRevision(this.runOf(entry.question), entry.identity);
  }

  /** The newest revision of a run that the page has heard of and that a question can be answered otherwise for; 0 for none. */
  protected knownRevision(run: RunName, identity: string): number {
    const known = this.revisions.get(runIdentity(run));
    if (!known) return 0;
    return identity.includes(MEASURED) ? known.all : known.logged;
  }

  private entryOf(question: Question): Watched<Question> & Extra {
    const identity = this.identityOf(question);
    let entry = this.entries.get(identity);
    if (entry) {
      // Put last: the map's order is the order of use.
      this.entries.delete(identity);
    } else {
      const watched = {
        question,
        identity,
        error: null,
        askedRevision: -1,
        isAsked: false,
        watchers: new Set<Watcher>(),
      };
      entry = { ...watched, ...this.empty() };
    }
    this.entries.set(identity, entry);
    return entry;
  }
}
