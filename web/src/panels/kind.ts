/** What a kind of panel is: a name, what it is at first, how it is read from a saved view, and how it looks. */
import type { ShownRun } from "../panel/shown_run";
import type { LazyPart } from "../ui/lazy_part";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";

export interface PanelProps<Config> {
  project: string;
  /** The visible runs, newest first, with their looks. */
  runs: readonly ShownRun[];
  config: Config;
  /** Changes the configuration; undone as any other change of the view. */
  change: (config: Config) => void;
  view: ViewState;
  changeView: ChangeView;
  isFullScreen: boolean;
}

export interface EditorProps<Config> {
  config: Config;
  change: (config: Config) => void;
  /** The names of the project's metrics of numbers. */
  metricNames: readonly string[];
  /** The columns that runs have, as docs/http_api.md names them: "config.lr", "summary.loss", "state" … */
  columnNames: readonly string[];
}

/** One kind of panel that a person can add to a view. Its component fills the room it is given. */
export interface PanelKind<Config> {
  kind: string;
  /** What it is called where panels are chosen: "Scatter plot". */
  title: string;
  /** One sentence: what it shows. */
  about: string;
  /** A useful panel of what the project has. */
  initial: (metricNames: readonly string[], columnNames: readonly string[]) => Config;
  /** Reads a configuration from a saved view; null where it is none. */
  parse: (json: unknown) => Config | null;
  /** What the panel is called while it has no title of its own. */
  titleOf: (config: Config) => string;
  View: LazyPart<PanelProps<Config>>;
  Editor: LazyPart<EditorProps<Config>>;
}

/** A kind whose configuration is not known to whoever holds it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kind has its own configuration; `parse` makes it.
export type AnyPanelKind = PanelKind<any>;
