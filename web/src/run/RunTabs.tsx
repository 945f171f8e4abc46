/** The way to the parts of a run's page, with how much each of them holds. */
import { type KeyboardEvent, useEffect, useRef } from "react";
import { formatCount } from "../format/number";
import { WarningIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { formatView, type Tab, TABS, type ViewState } from "../url/view_state";
import styles from "./RunTabs.module.css";
import type { TabCounts } from "./tab_counts";

interface RunTabsProps {
  view: ViewState;
  counts: TabCounts;
}

const TITLES: Record<Tab, string> = {
  overview: "Overview",
  charts: "Charts",
  system: "System",
  ranks: "Ranks",
  logs: "Logs",
  media: "Media",
  tables: "Tables",
  files: "Files",
  health: "Health",
};

const MOVES: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

export function RunTabs({ view, counts }: RunTabsProps) {
  const root = useRef<HTMLElement>(null);
  // On a narrow screen the row of parts scrolls: the one that is shown is in it.
  useEffect(() => {
    root.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [view.tab]);
  const onKeyDown = (event: KeyboardEvent) => {
    const links = [...(root.current?.querySelectorAll("a") ?? [])];
    const at = links.indexOf(event.target as HTMLAnchorElement);
    const next = MOVES[event.key]?.(at, links.length);
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    links[(next + links.length) % links.length].focus();
  };
  return (
    <nav ref={root} className={styles.tabs} aria-label="Parts of the run" onKeyDown={onKeyDown}>
      {TABS.filter((tab) => tab !== "ranks" || counts.of.ranks || view.tab === tab).map((tab) => {
        const count = counts.of[tab] ?? 0;
        return (
          <Link
            key={tab}
            href={addressOf(view, tab)}
            aria-current={view.tab === tab ? "page" : undefined}
            data-empty={counts.of[tab] === 0 || undefined}
          >
            {TITLES[tab]}
            {count > 0 && <span className={styles.count}>{formatCount(count)}</span>}
            {((tab === "health" && counts.hasTrouble) || (tab === "ranks" && counts.hasRankTrouble)) && (
              <span className={styles.trouble}>
                <WarningIcon />
                <span className="visuallyHidden">not all is well</span>
              </span>
            )}
          </Link>
        );
      })}
    </nav>
  );
}

/** Another part of the same page: what is shown full screen stays behind, and what finds files finds no lines. */
function addressOf(view: ViewState, tab: Tab): string {
  const find = tab !== view.tab && [tab, view.tab].includes("files") ? "" : view.find;
  const query = formatView({ ...view, tab, find, panel: null, media: null, item: null });
  return location.pathname + (query && `?${query}`);
}
