/** The frame of every page: where one is, the pages of the project, how the daemon is doing, the palette, the theme and the keys. */
import { type ReactNode, useEffect, useState } from "react";
import { navigate, usePathname } from "wouter/use-browser-location";
import type { LiveState } from "../api/live";
import { useIsServer } from "../data/queries";
import { isolate } from "../format/isolated";
import { useActions } from "../palette/actions";
import { SearchIcon, SettingsIcon } from "../ui/header_icons";
import { KeyCaps } from "../ui/KeyCaps";
import { EVERYWHERE, GO } from "../ui/keys";
import { lazyPart, usePreload } from "../ui/lazy_part";
import { Link } from "../ui/Link";
import { useKeys } from "../ui/use_keys";
import { parseRoute } from "../url/route";
import { isEmbedded } from "./embedded";
import { ExportedNote, isExported } from "./exported";
import { LiveMark } from "./LiveMark";
import styles from "./Page.module.css";
import { projectLinks } from "./project_links";
import { ProjectTabs } from "./ProjectTabs";
import { Shortcuts } from "./Shortcuts";
import { ThemeMenu } from "./ThemeMenu";
import { chooseTheme, toggleTheme, useTheme, useThemeChoice } from "./theme";
import { UploadMark } from "./UploadMark";
import { ViewActions } from "./ViewActions";

const Palette = lazyPart(() => import("../palette/Palette"));
const UserMenu = lazyPart(
  () => import("../people/UserMenu"),
  () => null,
);

const PARTS = [Palette];
// What a page needs for its first view has come by then.
export const FIRST_VIEW_MS = 2000;

interface PageProps {
  /** The path to this page; the last is where one is. */
  trail: readonly { label: string; href: string }[];
  live?: LiveState;
  /** Whether the page is as large as the window, its parts scrolling on their own. */
  isWide?: boolean;
  /** Whether the first data is still on its way. */
  isBusy?: boolean;
  /** The runs that are drawn, which a comparison may begin with. */
  drawn?: readonly string[];
  children?: ReactNode;
}

export function Page({ trail, live, isWide = false, isBusy = false, drawn, children }: PageProps) {
  const [open, setOpen] = useState<"keys" | "palette" | null>(null);
  const route = parseRoute(usePathname());
  const project = "project" in route ? route.project : null;
  useFrameKeys(project, drawn, setOpen);
  useFrameActions(setOpen);
  usePreload(PARTS, FIRST_VIEW_MS);

  const title = trail.map((step) => isolate(step.label)).reverse();
  useEffect(() => {
    document.title = [...title, "trackd"].join(" · ");
  });

  return (
    <div className={isWide ? styles.wide : styles.page} data-embedded={isEmbedded}>
      {ExportedNote && <ExportedNote />}
      {!isEmbedded && (
        <header className={styles.header}>
          <nav aria-label="Where you are" className={styles.trail}>
            <Link href="/" className={styles.home}>
              trackd
            </Link>
            {trail.map((step, index) => (
              <span key={step.href} className={styles.step}>
                <span aria-hidden="true">/</span>
                <Link
                  href={step.href}
                  aria-current={index === trail.length - 1 ? "page" : undefined}
                  title={isolate(step.label)}
                >
                  {step.label}
                </Link>
              </span>
            ))}
          </nav>
          {project !== null && <ProjectTabs project={project} drawn={drawn} />}
          <span className={styles.room} />
          {!isExported && <UploadMark />}
          {!isExported && live && <LiveMark state={live} />}
          <button
            type="button"
            className={`quiet ${styles.find}`}
            title="Find anything"
            onClick={() => setOpen("palette")}
          >
            <SearchIcon />
            <span className="visuallyHidden">Find anything</span>
            <KeyCaps name="mod+k" />
          </button>
          <ThemeMenu />
          {!isExported && <MenuOfServer />}
          {!isExported && (
            <Link href="/settings" className={styles.settings} aria-label="Settings" title="Settings (g s)">
              <SettingsIcon />
            </Link>
          )}
          <button
            type="button"
            className={`quiet icon ${styles.keys}`}
            aria-label="Keys"
            title="Keys (?)"
            onClick={() => setOpen("keys")}
          >
            ?
          </button>
        </header>
      )}
      <main className={styles.main} aria-busy={isBusy}>
        {children}
      </main>
      {(route.page === "workspace" || route.page === "run") && <ViewActions />}
      {open === "keys" && <Shortcuts close={() => setOpen(null)} />}
      {open === "palette" && (
        <Palette project={project} drawn={drawn} close={() => setOpen((now) => (now === "palette" ? null : now))} />
      )}
    </div>
  );
}

const MenuOfServer = () => useIsServer() && <UserMenu />;

type SetOpen = (open: "keys" | "palette") => void;

function useFrameKeys(project: string | null, drawn: readonly string[] | undefined, setOpen: SetOpen): void {
  const go = (words: string, path: () => string) => ({ words, group: GO, run: () => navigate(path()) });
  const links = () => projectLinks(project!, location.pathname, location.search, drawn);
  useKeys({
    "mod+k": { words: "find anything", group: EVERYWHERE, run: () => setOpen("palette") },
    "?": { words: "this list", group: EVERYWHERE, run: () => setOpen("keys") },
    t: { words: "light or dark", group: EVERYWHERE, run: toggleTheme },
    "g p": go("projects", () => "/"),
    "g s": go("settings", () => "/settings"),
    ...(project !== null && {
      "g w": go("the project's workspace", () => links().workspace),
      "g r": go("the project's table of runs", () => links().table),
      ...(!isExported && { "g c": go("a comparison of the project's runs", () => links().compare) }),
    }),
  });
}

function useFrameActions(setOpen: SetOpen): void {
  const theme = useTheme();
  const choice = useThemeChoice();
  const other = theme === "dark" ? "light" : "dark";
  useActions([
    { id: "theme", title: `Use the ${other} theme`, key: "t", run: toggleTheme },
    ...(choice === null ? [] : [{ id: "system-theme", title: "Use the system's theme", run: () => chooseTheme(null) }]),
    { id: "keys", title: "Show the keys", key: "?", run: () => setOpen("keys") },
  ]);
}
