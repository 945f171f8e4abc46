/** Not built yet. */
import { Page } from "../app/Page";

export default function Presets() {
  return <Page trail={[]} />;
}
