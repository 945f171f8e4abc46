/** Which page an address shows. */
import { QueryClientProvider } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { usePathname } from "wouter/use-browser-location";
import { isSignedOut, subscribeSignedOut } from "../api/signed_out";
import { queryClient } from "../data/queries";
import { Projects } from "../projects/Projects";
import { RunPage } from "../run/RunPage";
import { Boundary } from "../ui/Boundary";
import { lazyPart, usePreload } from "../ui/lazy_part";
import { Link } from "../ui/Link";
import { Problem } from "../ui/Problem";
import { parseRoute, type Route } from "../url/route";
import { Workspace } from "../workspace/Workspace";
import { FIRST_VIEW_MS, Page } from "./Page";

const emptyPage = () => <Page trail={[]} isBusy />;
const RunsTable = lazyPart(() => import("../runs_table/RunsTable"), emptyPage);
const Compare = lazyPart(() => import("../compare/Compare"), emptyPage);
const Settings = lazyPart(() => import("../settings/Settings"), emptyPage);
const Presets = lazyPart(() => import("../presets/Presets"), emptyPage);

const SignIn = lazyPart(() => import("../people/SignIn"));

const PARTS = [RunsTable, Compare, Settings, Presets];

export function App() {
  const pathname = usePathname();
  const isOut = useSyncExternalStore(subscribeSignedOut, isSignedOut);
  usePreload(PARTS, FIRST_VIEW_MS);
  return (
    <QueryClientProvider client={queryClient}>
      {/* Its key: another page is not broken because one is. */}
      <Boundary key={pathname} instead={brokenPage}>
        {isOut ? <SignIn /> : pageOf(parseRoute(pathname))}
      </Boundary>
    </QueryClientProvider>
  );
}

const brokenPage = (error: Error) => (
  <Page trail={[]}>
    <Problem title="This page cannot be shown">
      <p>{error.message}</p>
      <p>
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>{" "}
        <Link href="/">All projects</Link>
      </p>
    </Problem>
  </Page>
);

// Keys: another project or run is another page, with nothing of the one before.
function pageOf(route: Route) {
  switch (route.page) {
    case "projects":
      return <Projects />;
    case "workspace":
      return <Workspace key={route.project} project={route.project} />;
    case "table":
      return <RunsTable key={route.project} project={route.project} />;
    case "compare":
      return <Compare key={route.project} project={route.project} />;
    case "settings":
      return <Settings part={route.part} />;
    case "presets":
      return <Presets />;
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
