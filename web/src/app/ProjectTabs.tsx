/** The pages of a project: all its runs with their charts, as a table, and some of them side by side. */
import { usePathname, useSearch } from "wouter/use-browser-location";
import { Link } from "../ui/Link";
import { parseRoute } from "../url/route";
import { isExported } from "./exported";
import { projectLinks } from "./project_links";
import styles from "./ProjectTabs.module.css";

interface ProjectTabsProps {
  project: string;
  /** The runs that the page draws. */
  drawn?: readonly string[];
}

export function ProjectTabs({ project, drawn }: ProjectTabsProps) {
  const pathname = usePathname();
  const links = projectLinks(project, pathname, useSearch(), drawn);
  const { page } = parseRoute(pathname);
  return (
    <nav aria-label="Pages of the project" className={styles.tabs}>
      <Link href={links.workspace} aria-current={page === "workspace" ? "page" : undefined} title="Workspace (g w)">
        Workspace
      </Link>
      <Link href={links.table} aria-current={page === "table" ? "page" : undefined} title="Table of runs (g r)">
        Table
      </Link>
      {!isExported && (
        <Link href={links.compare} aria-current={page === "compare" ? "page" : undefined} title="Compare runs (g c)">
          Compare
        </Link>
      )}
    </nav>
  );
}
