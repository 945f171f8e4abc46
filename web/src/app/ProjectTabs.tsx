/** The pages of a project that list all its runs. */
import { usePathname, useSearch } from "wouter/use-browser-location";
import { Link } from "../ui/Link";
import { parseRoute } from "../url/route";
import { projectLinks } from "./project_links";
import styles from "./ProjectTabs.module.css";

export function ProjectTabs({ project }: { project: string }) {
  const pathname = usePathname();
  const links = projectLinks(project, pathname, useSearch());
  const { page } = parseRoute(pathname);
  return (
    <nav aria-label="Pages of the project" className={styles.tabs}>
      <Link href={links.workspace} aria-current={page === "workspace" ? "page" : undefined} title="Workspace (g w)">
        Workspace
      </Link>
      <Link href={links.table} aria-current={page === "table" ? "page" : undefined} title="Table of runs (g r)">
        Table
      </Link>
    </nav>
  );
}
