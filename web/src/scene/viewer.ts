/**
 * Draws a scene with WebGL and lets it be turned, moved and zoomed.
 *
 * Invariants: it draws only when something has changed, never on a clock; after `dispose` neither memory of the GPU nor a context is
 * held, and the scene's own objects can be shown by another viewer.
 */
import {
  AxesHelper,
  Box3,
  Color,
  DirectionalLight,
  GridHelper,
  Group,
  HemisphereLight,
  type Material,
  type Object3D,
  PerspectiveCamera,
  PointsMaterial,
  Scene,
  Sphere,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { ThemeName } from "../chart/palette";
import { disposeMaterial } from "./models";

export type UpAxis = "y" | "z";

/** Words at a place of the scene. */
export interface PlacedLabel {
  text: string;
  place: Vector3;
  color: string;
}

export interface SceneContent {
  object: Object3D;
  labels: readonly PlacedLabel[];
}

/** Where the camera stands: kept while nothing is drawn. */
export interface Viewpoint {
  position: Vector3;
  target: Vector3;
}

const GROUND: Record<ThemeName, string> = { light: "#ffffff", dark: "#15171c" };
const GRID: Record<ThemeName, [string, string]> = { light: ["#c9cdd5", "#e3e5ea"], dark: ["#3a414c", "#2b3038"] };
const FIELD_OF_VIEW_DEGREES = 45;
/** Room around a scene that is seen as a whole. */
const MARGIN = 1.25;
const UP: Record<UpAxis, Vector3> = { y: new Vector3(0, 1, 0), z: new Vector3(0, 0, 1) };
// From above and aside: shows that the scene is no picture.
const FIRST_DIRECTION: Record<UpAxis, Vector3> = {
  z: new Vector3(-0.75, -1, 0.7).normalize(),
  y: new Vector3(0.75, 0.6, 1).normalize(),
};
// Past two device pixels a CSS pixel nothing is seen that was not before.
const PIXEL_RATIO_MAX = 2;

export class SceneViewer {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 0.01, 1000);
  readonly #helpers = new Group();
  readonly #labelLayer: HTMLElement;
  #controls: OrbitControls;
  #content: SceneContent | null = null;
  #sphere = new Sphere(new Vector3(), 1);
  #box = new Box3();
  #theme: ThemeName = "light";
  #up: UpAxis = "z";
  #frame = 0;
  #isDisposed = false;

  /**
   * Makes a viewer, or says through `onProblem` why there is none; later too, when the browser takes the context away.
   *
   * @param container takes the canvas.
   * @param labelLayer lies over the canvas and takes the labels.
   */
  static open(container: HTMLElement, labelLayer: HTMLElement, onProblem: (words: string) => void): SceneViewer | null {
    try {
      const renderer = new WebGLRenderer({ antialias: true, powerPreference: "high-performance" });
      return new SceneViewer(renderer, container, labelLayer, onProblem);
    } catch {
      onProblem("this browser offers no WebGL, which a 3D object is drawn with");
      return null;
    }
  }

  private constructor(
    renderer: WebGLRenderer,
    container: HTMLElement,
    labelLayer: HTMLElement,
    onProblem: (words: string) => void,
  ) {
    this.#renderer = renderer;
    this.#labelLayer = labelLayer;
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, PIXEL_RATIO_MAX));
    const canvas = this.#renderer.domElement;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.addEventListener("webglcontextlost", () => {
      if (!this.#isDisposed) onProblem("the browser has taken its graphics away");
    });
    // The wheel scrolls the page until a person has taken hold of the scene.
    canvas.addEventListener("wheel", this.#beforeWheel, { capture: true });
    container.append(canvas);
    this.#camera.add(new DirectionalLight("#ffffff", 2));
    this.#scene.add(this.#camera, new HemisphereLight("#ffffff", "#8a8f99", 2.2), this.#helpers);
    this.#camera.up.copy(UP.z);
    this.#controls = this.#makeControls();
  }

  get viewpoint(): Viewpoint {
    return { position: this.#camera.position.clone(), target: this.#controls.target.clone() };
  }

  /**
   * Shows a scene in place of the one before, from where a person looks.
   *
   * @param viewpoint where the first scene is looked at from; null for the whole of it.
   */
  show(content: SceneContent, viewpoint: Viewpoint | null): void {
    const before = this.#content;
    if (before) {
      this.#scene.remove(before.object);
      if (before.object !== content.object) before.object.traverse(freeMemory);
    }
    this.#content = content;
    this.#scene.add(content.object);
    this.#box = new Box3().setFromObject(content.object);
    this.#box.getBoundingSphere(this.#sphere);
    if (this.#box.isEmpty()) this.#sphere.set(new Vector3(), 1);
    this.#sphere.radius ||= 1;
    this.#placeLabels();
    this.#makeHelpers();
    if (before) this.draw();
    else if (viewpoint) {
      this.#camera.position.copy(viewpoint.position);
      this.#controls.target.copy(viewpoint.target);
      this.#controls.update();
      this.draw();
    } else this.resetView();
  }

  /** What is seen, in words, for those who do not see it. */
  setLabel(label: string): void {
    this.#renderer.domElement.setAttribute("aria-label", label);
  }

  setTheme(theme: ThemeName): void {
    this.#theme = theme;
    this.#scene.background = new Color(GROUND[theme]);
    this.#makeHelpers();
    this.draw();
  }

  setHelpers(areShown: boolean): void {
    this.#helpers.visible = areShown;
    this.draw();
  }

  /** CSS pixels. */
  setPointSize(size: number): void {
    this.#content?.object.traverse((part) => {
      const { material } = part as { material?: Material };
      // Sizes are device pixels there.
      if (material instanceof PointsMaterial) material.size = size * this.#renderer.getPixelRatio();
    });
    this.draw();
  }

  setUp(up: UpAxis): void {
    if (up === this.#up) return;
    this.#turn(up);
    this.resetView();
  }

  /** The whole scene, as large as it fits, from where it is first seen. */
  resetView(): void {
    const direction = FIRST_DIRECTION[this.#up];
    const right = UP[this.#up].clone().cross(direction).normalize();
    const above = direction.clone().cross(right);
    const tangent = Math.tan((FIELD_OF_VIEW_DEGREES / 2) * (Math.PI / 180));
    const half = this.#box.getSize(new Vector3()).divideScalar(2);
    let distance = this.#sphere.radius / 100;
    if (!this.#box.isEmpty()) {
      for (let corner = 0; corner < 8; corner++) {
        const place = new Vector3(
          corner & 1 ? half.x : -half.x,
          corner & 2 ? half.y : -half.y,
          corner & 4 ? half.z : -half.z,
        );
        const wide = Math.abs(place.dot(right)) / (tangent * this.#camera.aspect);
        const high = Math.abs(place.dot(above)) / tangent;
        distance = Math.max(distance, place.dot(direction) + Math.max(wide, high) * MARGIN);
      }
    }
    this.#controls.target.copy(this.#sphere.center);
    this.#camera.position.copy(this.#sphere.center).addScaledVector(direction, distance);
    this.#controls.update();
    this.draw();
  }

  /** CSS pixels. */
  resize(width: number, height: number): void {
    if (width === 0 || height === 0) return;
    this.#renderer.setSize(width, height);
    this.#camera.aspect = width / height;
    this.#camera.updateProjectionMatrix();
    this.#drawNow();
  }

  /** Draws with the next frame. */
  draw = (): void => {
    this.#frame ||= requestAnimationFrame(this.#drawNow);
  };

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#isDisposed = true;
    this.#controls.dispose();
    this.#renderer.domElement.removeEventListener("wheel", this.#beforeWheel, { capture: true });
    for (const root of [this.#content?.object, this.#helpers]) root?.traverse(freeMemory);
    this.#labelLayer.replaceChildren();
    this.#renderer.domElement.remove();
    this.#renderer.dispose();
    // A browser grants few contexts and takes the oldest away: this one is given back now.
    this.#renderer.forceContextLoss();
  }

  #makeControls(): OrbitControls {
    const canvas = this.#renderer.domElement;
    const controls = new OrbitControls(this.#camera, canvas);
    controls.enableDamping = false;
    controls.zoomToCursor = true;
    // Arrow keys move the scene, with shift or ctrl they turn it.
    controls.listenToKeyEvents(canvas);
    controls.addEventListener("change", this.draw);
    return controls;
  }

  #beforeWheel = (event: WheelEvent): void => {
    this.#controls.enableZoom = event.ctrlKey || document.activeElement === this.#renderer.domElement;
  };

  #turn(up: UpAxis): void {
    this.#up = up;
    this.#camera.up.copy(UP[up]);
    // The controls take the axis they turn around when they are made.
    const target = this.#controls.target.clone();
    this.#controls.dispose();
    this.#controls = this.#makeControls();
    this.#controls.target.copy(target);
    this.#makeHelpers();
  }

  #makeHelpers(): void {
    this.#helpers.traverse(freeMemory);
    this.#helpers.clear();
    const { center, radius } = this.#sphere;
    const size = radius * 2.4;
    const grid = new GridHelper(size, 12, ...GRID[this.#theme]);
    grid.position.copy(center);
    if (this.#up === "z") grid.rotation.x = Math.PI / 2;
    grid.position[this.#up] = this.#box.isEmpty() ? 0 : this.#box.min[this.#up];
    const axes = new AxesHelper(radius * 0.4);
    axes.position.copy(center).addScalar(-size / 2);
    axes.position[this.#up] = grid.position[this.#up];
    this.#helpers.add(grid, axes);
  }

  #placeLabels(): void {
    this.#labelLayer.replaceChildren(
      ...(this.#content?.labels ?? []).map(({ text, color }) => {
        const label = document.createElement("span");
        label.textContent = text;
        label.style.borderColor = color;
        return label;
      }),
    );
  }

  #moveLabels(): void {
    const labels = this.#content?.labels ?? [];
    if (labels.length === 0) return;
    const { clientWidth, clientHeight } = this.#renderer.domElement;
    const place = new Vector3();
    labels.forEach((label, index) => {
      place.copy(label.place).project(this.#camera);
      const element = this.#labelLayer.children[index] as HTMLElement;
      const isSeen = Math.abs(place.x) <= 1 && Math.abs(place.y) <= 1 && place.z < 1;
      element.style.display = isSeen ? "" : "none";
      if (!isSeen) return;
      const x = ((place.x + 1) / 2) * clientWidth;
      const y = ((1 - place.y) / 2) * clientHeight;
      element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -100%)`;
    });
  }

  #drawNow = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    // The depth buffer is fine where the scene is, from however near or far it is seen.
    const distance = this.#camera.position.distanceTo(this.#sphere.center);
    this.#camera.near = Math.max(distance - this.#sphere.radius * 2, this.#sphere.radius / 1000);
    this.#camera.far = distance + this.#sphere.radius * 4;
    this.#camera.updateProjectionMatrix();
    this.#renderer.render(this.#scene, this.#camera);
    this.#moveLabels();
  };
}

/** Frees what a part holds on the GPU; another viewer would fill it again. */
function freeMemory(part: Object3D): void {
  const { geometry, material } = part as { geometry?: { dispose(): void }; material?: Material | Material[] };
  geometry?.dispose();
  for (const own of Array.isArray(material) ? material : material ? [material] : []) disposeMaterial(own);
}
