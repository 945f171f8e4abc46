/** Not built yet. */
import { Page } from "../app/Page";

export default function Settings() {
  return <Page trail={[]} />;
}
