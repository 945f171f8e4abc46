/** The menu of whoever is signed in to a team server, in the header of every page. */
import { navigate } from "wouter/use-browser-location";
import { signOut } from "../api/people";
import { isolate, isolated } from "../format/isolated";
import { useActions } from "../palette/actions";
import { Icon } from "../ui/icons";
import { Menu, type MenuEntry } from "../ui/Menu";
import { useMe } from "./queries";
import styles from "./UserMenu.module.css";

const PersonIcon = () => (
  <Icon size={16}>
    <circle cx="8" cy="5" r="2.6" />
    <path d="M2.8 14c.6-3 2.6-4.4 5.2-4.4s4.6 1.4 5.2 4.4" />
  </Icon>
);

async function leave(): Promise<void> {
  try {
    await signOut();
  } finally {
    // Loaded anew, with nothing of theirs; where the session has not ended, the page says so by being there.
    location.assign("/");
  }
}

export default function UserMenu() {
  const { data: me } = useMe();
  useActions(me ? [{ id: "sign-out", title: "Sign out", run: () => void leave() }] : []);
  if (!me) return null;
  const name = me.display_name || me.user;
  const label = me.display_name ? isolated`${name}, signed in as ${me.user}` : isolated`Signed in as ${name}`;
  const page = (label: string, path: string): MenuEntry => ({ kind: "action", label, act: () => navigate(path) });
  const entries: MenuEntry[] = [
    page("Settings and keys", "/settings"),
    page("Teams", "/settings/teams"),
    ...(me.is_server_admin ? [page("Users", "/settings/users"), page("Audit", "/settings/audit")] : []),
    { kind: "separator" },
    { kind: "action", label: `Sign out ${isolate(me.user)}`, act: () => void leave() },
  ];
  return (
    <Menu label={label} entries={entries} className={`quiet ${styles.user}`}>
      <PersonIcon />
      <span className={styles.name}>{name}</span>
    </Menu>
  );
}
