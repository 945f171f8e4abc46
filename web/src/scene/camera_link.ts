/**
 * Lets the cameras of the scenes of a card move as one, and knows how many scenes there are.
 *
 * Invariant: a scene that comes later, or back onto the screen, is looked at from where the others are.
 */
import type { Point3 } from "../api/records";
import { CardChoices } from "../media/card_choices";

/** Where a camera stands and what it looks at, in the coordinates of the data, and the scene it was moved in. */
export interface Shot {
  position: Point3;
  target: Point3;
  scene: Ball;
}

/** What holds a whole scene. */
export interface Ball {
  center: Point3;
  radius: number;
}

export interface LinkedCamera {
  moveTo(shot: Shot): void;
  resetView(): void;
}

// Scenes whose sizes differ by more than this are not the same thing seen twice.
const SAME_SIZE_FACTOR = 3;

/** Whether two scenes are at the same place, as the points and what was found in them are; others only look alike. */
export function isSamePlace(one: Ball, other: Ball): boolean {
  const large = Math.max(one.radius, other.radius);
  const small = Math.min(one.radius, other.radius);
  const away = Math.hypot(...one.center.map((value, axis) => value - other.center[axis]));
  return away <= large && large <= small * SAME_SIZE_FACTOR;
}

/** The shot as it is taken in another scene: the same coordinates where both are at one place, else as far and from the same side. */
export function shotIn(scene: Ball, shot: Shot): Shot {
  if (isSamePlace(shot.scene, scene)) return { ...shot, scene };
  const factor = scene.radius / (shot.scene.radius || 1);
  const moved = (place: Point3) =>
    place.map((value, axis) => scene.center[axis] + (value - shot.scene.center[axis]) * factor) as Point3;
  return { position: moved(shot.position), target: moved(shot.target), scene };
}

// Full screen begins with what was looked at in the card, and the other way round.
const lastShots = new CardChoices<{ shot: Shot | null }>({ shot: null });

export class CameraLink {
  private readonly cameras = new Set<LinkedCamera>();
  private readonly listeners = new Set<() => void>();
  private shot: Shot | null;
  private sceneCount = 0;

  /** @param card names the card. */
  constructor(private readonly card: string) {
    this.shot = lastShots.get(card).shot;
  }

  /** How many scenes the card has loaded, whether linked or not. */
  readonly countOfScenes = (): number => this.sceneCount;

  /** Tells when there are more or fewer scenes. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  };

  /** Counts a scene until the returned function is called. */
  addScene(): () => void {
    this.changeCount(1);
    return () => this.changeCount(-1);
  }

  /** Moves the camera to where the others are, and with them until the returned function is called. */
  join(camera: LinkedCamera): () => void {
    this.cameras.add(camera);
    if (this.shot) camera.moveTo(this.shot);
    return () => {
      this.cameras.delete(camera);
    };
  }

  /** A person has moved a camera, or wants all to look from where it does; it need not have joined. */
  moved(by: LinkedCamera, shot: Shot): void {
    this.keep(shot);
    for (const camera of this.cameras) if (camera !== by) camera.moveTo(shot);
  }

  resetViews(): void {
    this.keep(null);
    for (const camera of this.cameras) camera.resetView();
  }

  private keep(shot: Shot | null): void {
    this.shot = shot;
    lastShots.change(this.card, { shot });
  }

  private changeCount(by: number): void {
    this.sceneCount += by;
    for (const listener of this.listeners) listener();
  }
}
