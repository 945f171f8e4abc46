/** The frame of every page: where one is, how the daemon is doing, the theme and the list of keys. */
import { type ReactNode, useEffect, useState } from "react";
import type { LiveState } from "../api/live";
import { MoonIcon, SunIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { useKeys } from "../ui/use_keys";
import { LiveMark } from "./LiveMark";
import styles from "./Page.module.css";
import { Shortcuts } from "./Shortcuts";
import { toggleTheme, useTheme } from "./theme";
import { UploadMark } from "./UploadMark";

interface PageProps {
  /** The path to this page; the last is where one is. */
  trail: readonly { label: string; href: string }[];
  live?: LiveState;
  /** Whether the page is as large as the window, its parts scrolling on their own. */
  isWide?: boolean;
  /** Whether the first data is still on its way. */
  isBusy?: boolean;
  children?: ReactNode;
}

export function Page({ trail, live, isWide = false, isBusy = false, children }: PageProps) {
  const [hasShortcuts, setShortcuts] = useState(false);
  const theme = useTheme();
  useKeys({ "?": () => setShortcuts(true), t: toggleTheme });

  const title = trail.map((step) => step.label).reverse();
  useEffect(() => {
    document.title = [...title, "trackd"].join(" · ");
  });

  return (
    <div className={isWide ? styles.wide : styles.page}>
      <header className={styles.header}>
        <nav aria-label="Where you are">
          <Link href="/" className={styles.home}>
            trackd
          </Link>
          {trail.map((step, index) => (
            <span key={step.href} className={styles.step}>
              <span aria-hidden="true">/</span>
              <Link href={step.href} aria-current={index === trail.length - 1 ? "page" : undefined} title={step.label}>
                {step.label}
              </Link>
            </span>
          ))}
        </nav>
        <UploadMark />
        {live && <LiveMark state={live} />}
        <button
          type="button"
          className="quiet icon"
          aria-label={theme === "dark" ? "Use the light theme" : "Use the dark theme"}
          title="Theme (t)"
          onClick={toggleTheme}
        >
          {theme === "dark" ? <SunIcon /> : <MoonIcon />}
        </button>
        <button
          type="button"
          className="quiet icon"
          aria-label="Keys"
          title="Keys (?)"
          onClick={() => setShortcuts(true)}
        >
          ?
        </button>
      </header>
      <main className={styles.main} aria-busy={isBusy}>
        {children}
      </main>
      {hasShortcuts && <Shortcuts close={() => setShortcuts(false)} />}
    </div>
  );
}
