/** The pages of settings that a team server has for whoever is signed in. */
import { Link } from "../ui/Link";
import type { SettingsPart } from "../url/route";
import styles from "./People.module.css";
import { useMe } from "./queries";

const PAGES: readonly { part: SettingsPart; label: string; isForAdmins: boolean }[] = [
  { part: "", label: "Mine", isForAdmins: false },
  { part: "teams", label: "Teams", isForAdmins: false },
  { part: "users", label: "Users", isForAdmins: true },
  { part: "audit", label: "Audit", isForAdmins: true },
];

export default function SettingsTabs({ part }: { part: SettingsPart }) {
  const { data: me } = useMe();
  return (
    <nav aria-label="Pages of settings" className={styles.tabs}>
      {PAGES.filter((page) => !page.isForAdmins || me?.is_server_admin || page.part === part).map((page) => (
        <Link
          key={page.part}
          href={page.part === "" ? "/settings" : `/settings/${page.part}`}
          aria-current={page.part === part ? "page" : undefined}
        >
          {page.label}
        </Link>
      ))}
    </nav>
  );
}
