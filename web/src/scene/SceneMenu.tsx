/** The menu of how the scenes of a card are drawn. */
import { Menu, type MenuEntry } from "../ui/Menu";
import type { DrawnScene, SceneData } from "./content";
import type { Coloring, SceneSettings } from "./settings";
import type { UpAxis } from "./first_view";

const POINT_SIZES = [1, 2, 3, 4, 6, 8];
// By the number of columns of the points.
const LOGGED_COLORS: Record<number, string> = { 3: "one colour", 4: "by category", 6: "their own" };

interface SceneMenuProps {
  data: SceneData;
  drawn: DrawnScene;
  settings: SceneSettings;
  up: UpAxis;
  change: (part: Partial<SceneSettings>) => void;
  changeAxis: (axis: UpAxis) => void;
}

export function SceneMenu({ data, drawn, settings, up, change, changeAxis }: SceneMenuProps) {
  const entries: MenuEntry[] = [];
  if (data.kind === "scene" && data.points) {
    entries.push(
      {
        kind: "choice",
        label: "Point size",
        value: String(settings.pointSize),
        options: POINT_SIZES.map((size) => ({ value: String(size), label: `${size} px` })),
        choose: (size) => change({ pointSize: Number(size) }),
      },
      {
        kind: "choice",
        label: "Colours of points",
        value: settings.coloring,
        options: [
          { value: "logged", label: LOGGED_COLORS[data.points.shape[1]] },
          { value: "height", label: "by height" },
        ],
        choose: (coloring) => change({ coloring: coloring as Coloring }),
      },
    );
  }
  entries.push({
    kind: "choice",
    label: "Axis that points up",
    value: up,
    options: [
      { value: "y", label: "y" },
      { value: "z", label: "z" },
    ],
    choose: (axis) => changeAxis(axis as UpAxis),
  });
  if (drawn.labels.length > 0) {
    const toggle = () => change({ hasLabels: !settings.hasLabels });
    entries.push({ kind: "toggle", label: "Labels of boxes", isOn: settings.hasLabels, toggle });
  }
  const toggle = () => change({ hasGrid: !settings.hasGrid });
  entries.push({ kind: "toggle", label: "Grid and axes", isOn: settings.hasGrid, toggle });
  return <Menu label="How the scene is drawn" entries={entries} />;
}
