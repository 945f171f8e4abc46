/** What holds for all pages: the store behind them, how they look, and their keys. */
import { Choice } from "../app/Choice";
import { chooseDensity, type Density, useDensity } from "../app/density";
import { KeyList } from "../app/KeyList";
import { Page } from "../app/Page";
import { ThemeChoices } from "../app/ThemeChoices";
import { Link } from "../ui/Link";
import styles from "./Settings.module.css";
import { StoreFacts } from "./StoreFacts";

const DENSITIES: readonly { value: Density; words: string }[] = [
  { value: "compact", words: "Compact" },
  { value: "cosy", words: "Cosy" },
];

export default function Settings() {
  const density = useDensity();
  return (
    <Page trail={[{ label: "Settings", href: "/settings" }]}>
      <div className={styles.content}>
        <h1>Settings</h1>
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
          <StoreFacts />
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
