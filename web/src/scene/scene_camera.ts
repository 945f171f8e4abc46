/**
 * The camera of a scene, and how a person turns, moves and zooms it.
 *
 * Invariant: `onChange` says whether a person has moved it; what the page does itself is told to nobody as a move.
 */
import { PerspectiveCamera, type Sphere, type Vector3 } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { FIELD_OF_VIEW_DEGREES, UP, type UpAxis } from "./first_view";

/** Where the camera stands: kept while nothing is drawn. */
export interface Viewpoint {
  position: Vector3;
  target: Vector3;
}

export class SceneCamera {
  readonly camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 0.01, 1000);
  #controls: OrbitControls;
  #up: UpAxis = "z";
  #isMovedByHand = true;

  /** @param canvas hears the wheel, fingers and keys. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onChange: (isByHand: boolean) => void,
  ) {
    // The wheel scrolls the page until a person has taken hold of the scene.
    canvas.addEventListener("wheel", this.#beforeWheel, { capture: true });
    this.camera.up.copy(UP.z);
    this.#controls = this.#makeControls();
  }

  get up(): UpAxis {
    return this.#up;
  }

  get viewpoint(): Viewpoint {
    return { position: this.camera.position.clone(), target: this.#controls.target.clone() };
  }

  /** Stands elsewhere. */
  stand({ position, target }: Viewpoint): void {
    this.camera.position.copy(position);
    this.#controls.target.copy(target);
    this.#isMovedByHand = false;
    this.#controls.update();
    this.#isMovedByHand = true;
  }

  turn(up: UpAxis): void {
    this.#up = up;
    this.camera.up.copy(UP[up]);
    // The controls take the axis they turn around when they are made.
    const target = this.#controls.target.clone();
    this.#controls.dispose();
    this.#controls = this.#makeControls();
    this.#controls.target.copy(target);
  }

  /** Has the depth buffer fine where the scene is, from however near or far it is seen. */
  focus({ center, radius }: Sphere): void {
    const distance = this.camera.position.distanceTo(center);
    this.camera.near = Math.max(distance - radius * 2, radius / 1000);
    this.camera.far = distance + radius * 4;
    this.camera.updateProjectionMatrix();
    this.camera.updateMatrixWorld();
  }

  dispose(): void {
    this.#controls.dispose();
    this.canvas.removeEventListener("wheel", this.#beforeWheel, { capture: true });
  }

  #makeControls(): OrbitControls {
    const controls = new OrbitControls(this.camera, this.canvas);
    controls.enableDamping = false;
    controls.zoomToCursor = true;
    // Arrow keys move the scene, with shift or ctrl they turn it.
    controls.listenToKeyEvents(this.canvas);
    controls.addEventListener("change", () => this.onChange(this.#isMovedByHand));
    return controls;
  }

  #beforeWheel = (event: WheelEvent): void => {
    this.#controls.enableZoom = event.ctrlKey || document.activeElement === this.canvas;
  };
}
