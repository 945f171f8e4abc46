/** Which page an address shows. */
import { QueryClientProvider } from "@tanstack/react-query";
import { usePathname } from "wouter/use-browser-location";
import { queryClient } from "../data/queries";
import { Projects } from "../projects/Projects";
import { RunPage } from "../run/RunPage";
import { Link } from "../ui/Link";
import { Problem } from "../ui/Problem";
import { parseRoute, type Route } from "../url/route";
import { Workspace } from "../workspace/Workspace";
import { Page } from "./Page";

export function App() {
  const pathname = usePathname();
  return <QueryClientProvider client={queryClient}>{pageOf(parseRoute(pathname))}</QueryClientProvider>;
}

// Keys: another project or run is another page, with nothing of the one before.
function pageOf(route: Route) {
  switch (route.page) {
    case "projects":
      return <Projects />;
    case "workspace":
      return <Workspace key={route.project} project={route.project} />;
    case "run":
      return <RunPage key={`${route.project}\n${route.run}`} project={route.project} runId={route.run} />;
    case "unknown":
      return (
        <Page trail={[]}>
          <Problem title="There is no page at this address">
            <p>
              <Link href="/">All projects</Link>
            </p>
          </Problem>
        </Page>
      );
  }
}
