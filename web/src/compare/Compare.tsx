/** Not built yet. */
import { Page } from "../app/Page";
import { projectPath } from "../url/route";

export default function Compare({ project }: { project: string }) {
  return <Page trail={[{ label: project, href: projectPath(project) }]} />;
}
