/** The ground that a scene stands on, and its axes. */
import { AxesHelper, type Box3, GridHelper, type Object3D, type Sphere } from "three";
import type { ThemeName } from "../chart/palette";
import type { UpAxis } from "./first_view";

const GRID: Record<ThemeName, [string, string]> = { light: ["#c9cdd5", "#e3e5ea"], dark: ["#3a414c", "#2b3038"] };
const CELLS = 12;

/** @param box holds the scene, as the sphere does. */
export function makeHelpers({ center, radius }: Sphere, box: Box3, up: UpAxis, theme: ThemeName): Object3D[] {
  const size = radius * 2.4;
  const grid = new GridHelper(size, CELLS, ...GRID[theme]);
  grid.position.copy(center);
  if (up === "z") grid.rotation.x = Math.PI / 2;
  grid.position[up] = box.isEmpty() ? 0 : box.min[up];
  const axes = new AxesHelper(radius * 0.4);
  axes.position.copy(center).addScalar(-size / 2);
  axes.position[up] = grid.position[up];
  return [grid, axes];
}
