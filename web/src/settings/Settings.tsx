/** What holds for all pages: the store behind them, how they look, and their keys. */
import { Choice } from "../app/Choice";
import { chooseDensity, type Density, useDensity } from "../app/density";
import { KeyList } from "../app/KeyList";
import { Page } from "../app/Page";
import { ThemeChoices } from "../app/ThemeChoices";
import { useIsServer } from "../data/queries";
import { lazyPart } from "../ui/lazy_part";
import { Link } from "../ui/Link";
import { Problem } from "../ui/Problem";
import type { SettingsPart } from "../url/route";
import styles from "./Settings.module.css";
import { StoreFacts } from "./StoreFacts";

const DENSITIES: readonly { value: Density; words: string }[] = [
  { value: "compact", words: "Compact" },
  { value: "cosy", words: "Cosy" },
];

const MySettings = lazyPart(() => import("../people/MySettings"));
const Teams = lazyPart(() => import("../people/Teams"));
const Users = lazyPart(() => import("../people/Users"));
const Audit = lazyPart(() => import("../people/Audit"));
const SettingsTabs = lazyPart(() => import("../people/SettingsTabs"));

const TRAIL = { label: "Settings", href: "/settings" };
const TITLES = { teams: "Teams", users: "Users", audit: "Audit" } as const;

/** The pages of settings; of a daemon, which knows no users, the first alone. */
export default function Settings({ part }: { part: SettingsPart }) {
  const isServer = useIsServer();
  if (part === "") return <OwnSettings isServer={isServer} />;
  const trail = [TRAIL, { label: TITLES[part], href: `/settings/${part}` }];
  if (!isServer) {
    return (
      <Page trail={trail} isBusy={isServer === undefined}>
        {isServer === false && (
          <Problem title="There are no teams here">
            <p>This is the daemon of one person. A server for a team has users, teams and an audit.</p>
          </Problem>
        )}
      </Page>
    );
  }
  const Part = part === "teams" ? Teams : part === "users" ? Users : Audit;
  return (
    <Page trail={trail}>
      <SettingsTabs part={part} />
      <Part />
    </Page>
  );
}

function OwnSettings({ isServer }: { isServer: boolean | undefined }) {
  const density = useDensity();
  return (
    <Page trail={[TRAIL]}>
      {isServer && <SettingsTabs part="" />}
      <div className={styles.content}>
        <h1>Settings</h1>
        {isServer && <MySettings />}
        <section aria-labelledby="appearance">
          <h2 id="appearance">Appearance</h2>
          <div className={styles.choices}>
            <span>Theme</span>
            <ThemeChoices />
            <span>Density</span>
            <Choice label="Density" options={DENSITIES} chosen={density} choose={chooseDensity} />
          </div>
          <p className={styles.about}>
            Kept in this browser. Movement is reduced where the system is set to reduce it.
          </p>
        </section>
        <section aria-labelledby="store">
          <h2 id="store">Store</h2>
          {isServer !== undefined && <StoreFacts isServer={isServer} />}
        </section>
        <section aria-labelledby="charts">
          <h2 id="charts">Charts</h2>
          <p className={styles.about}>
            <Link href="/presets">Presets of charts</Link> draw logged tables.
          </p>
        </section>
        <section aria-labelledby="keys">
          <h2 id="keys">Keys</h2>
          <p className={styles.about}>Other pages have more: press ? there.</p>
          <KeyList />
        </section>
      </div>
    </Page>
  );
}
