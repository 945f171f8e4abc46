/** An added panel: its frame with title and menu, and whatever its kind draws in it. */
import { Component, type ReactNode, useMemo } from "react";
import { isolate, isolated } from "../format/isolated";
import cardStyles from "../panel/Card.module.css";
import { kindNamed } from "../panels/kinds";
import type { ShownRun } from "../panel/shown_run";
import { ExpandIcon } from "../ui/icons";
import { Menu, type MenuEntry } from "../ui/Menu";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import type { AddedCard } from "../layout/document";
import styles from "./PanelHost.module.css";

interface PanelHostProps {
  project: string;
  added: AddedCard;
  title: string;
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
  changeConfig: (config: unknown) => void;
  isFullScreen?: boolean;
  extraItems: readonly MenuEntry[];
}

export function PanelHost(props: PanelHostProps) {
  const { project, added, title, runs, view, changeView, changeConfig, isFullScreen = false, extraItems } = props;
  const kind = kindNamed(added.kind);
  const config: unknown = useMemo(() => kind?.parse(added.config) ?? null, [kind, added.config]);
  const View = kind?.View;
  return (
    <article
      className={isFullScreen ? cardStyles.full : cardStyles.card}
      data-testid="panel"
      data-kind={added.kind}
      aria-label={title}
    >
      <header className={cardStyles.header}>
        <h3 title={isolate(title)}>{title}</h3>
        {!isFullScreen && (
          <button
            type="button"
            className="quiet icon"
            aria-label={isolated`Show ${title} full screen`}
            onClick={() => changeView({ panel: added.id }, "keep")}
          >
            <ExpandIcon />
          </button>
        )}
        {extraItems.length > 0 && <Menu label={isolated`More for ${title}`} entries={extraItems} />}
      </header>
      <div className={styles.body}>
        {View && config !== null ? (
          <Fault key={JSON.stringify(config)}>
            <View
              project={project}
              runs={runs}
              config={config}
              change={changeConfig}
              view={view}
              changeView={changeView}
              isFullScreen={isFullScreen}
            />
          </Fault>
        ) : (
          <p className={styles.words}>
            {kind
              ? "What was saved of this panel cannot be read. Edit it to begin anew."
              : `This trackd has no panels of the kind “${added.kind}”: the view was made by another one.`}
          </p>
        )}
      </div>
    </article>
  );
}

/** Keeps a panel that cannot be drawn from taking the page with it. */
class Fault extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error ? (
      <p className={styles.words}>{`This panel cannot be drawn: ${error.message}.`}</p>
    ) : (
      this.props.children
    );
  }
}
