/** How the scenes of a card are drawn: chosen at one of them, for all. */
import { CardChoices } from "../media/card_choices";
import type { UpAxis } from "./first_view";

/** What the colours of points say: what was logged (colours or categories), or how high a point lies. */
export type Coloring = "logged" | "height";

export interface SceneSettings {
  /** CSS pixels. */
  pointSize: number;
  hasGrid: boolean;
  hasLabels: boolean;
  coloring: Coloring;
  /** Null: as it is usual for the scene's format. */
  up: UpAxis | null;
  /** Boxes with a lower score are left out. */
  scoreMin: number;
  /** Whether the cameras of all scenes move as one. */
  isLinked: boolean;
}

export const sceneSettings = new CardChoices<SceneSettings>({
  pointSize: 2,
  hasGrid: true,
  hasLabels: true,
  coloring: "logged",
  up: null,
  scoreMin: -Infinity,
  isLinked: true,
});
