/** In place of scenes in a file that has none: their library is large. */
import { Words } from "../media/Words";

export default function NoScenePanel() {
  return <Words>This scene is not in this file.</Words>;
}
