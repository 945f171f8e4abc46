/**
 * Draws a scene with WebGL.
 *
 * Invariant: after `dispose` neither memory of the GPU nor a context is held, and the scene's own objects can be shown by another viewer.
 */
import {
  Box3,
  DirectionalLight,
  Group,
  HemisphereLight,
  type Material,
  type Object3D,
  type Points,
  PointsMaterial,
  Scene,
  Sphere,
  Vector3,
  WebGLRenderer,
} from "three";
import type { Point3 } from "../api/records";
import type { ThemeName } from "../chart/palette";
import { type Ball, type LinkedCamera, type Shot, shotIn } from "./camera_link";
import { LabelLayer, type PlacedLabel } from "./label_layer";
import { firstPosition, type UpAxis } from "./first_view";
import { makeHelpers } from "./helpers";
import { freeMemory } from "./models";
import { ScenePainter } from "./painter";
import { SceneCamera, type Viewpoint } from "./scene_camera";

export interface SceneContent {
  object: Object3D;
  /** The points in it, of which any first part looks like the whole; null for none. */
  cloud: Points | null;
  labels: readonly PlacedLabel[];
  /** Of the data's coordinates, what stands at 0 here. */
  middle: Point3;
}

const GROUND: Record<ThemeName, string> = { light: "#ffffff", dark: "#15171c" };
// Past two device pixels a CSS pixel nothing is seen that was not before.
const PIXEL_RATIO_MAX = 2;

export class SceneViewer implements LinkedCamera {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera: SceneCamera;
  readonly #helpers = new Group();
  readonly #painter: ScenePainter;
  readonly #labels: LabelLayer;
  #content: SceneContent | null = null;
  #sphere = new Sphere(new Vector3(), 1);
  #box = new Box3();
  #theme: ThemeName = "light";
  #isDisposed = false;

  /**
   * Makes a viewer, or says through `onProblem` why there is none; later too, when the browser takes the context away.
   *
   * @param container takes the canvas.
   * @param labelLayer lies over the canvas and takes the labels.
   */
  static open(container: HTMLElement, labelLayer: HTMLElement, onProblem: (words: string) => void): SceneViewer | null {
    try {
      const renderer = new WebGLRenderer({
        antialias: true,
        powerPreference: "high-performance",
        // A frame adds points to what was drawn before.
        preserveDrawingBuffer: true,
      });
      return new SceneViewer(renderer, container, labelLayer, onProblem);
    } catch {
      onProblem("this browser offers no WebGL, which a 3D object is drawn with");
      return null;
    }
  }

  /** Called when a person has moved the camera. */
  onMove: ((shot: Shot) => void) | null = null;

  private constructor(
    renderer: WebGLRenderer,
    container: HTMLElement,
    labelLayer: HTMLElement,
    onProblem: (words: string) => void,
  ) {
    this.#renderer = renderer;
    this.#labels = new LabelLayer(labelLayer);
    this.#camera = new SceneCamera(renderer.domElement, this.#changed);
    this.#painter = new ScenePainter(renderer, this.#scene, this.#camera.camera, this.#beforePicture);
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, PIXEL_RATIO_MAX));
    const canvas = this.#renderer.domElement;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.addEventListener("webglcontextlost", () => {
      if (!this.#isDisposed) onProblem("the browser has taken its graphics away");
    });
    container.append(canvas);
    this.#camera.camera.add(new DirectionalLight("#ffffff", 2));
    this.#scene.add(this.#camera.camera, new HemisphereLight("#ffffff", "#8a8f99", 2.2), this.#helpers);
  }

  get viewpoint(): Viewpoint {
    return this.#camera.viewpoint;
  }

  /** Where the camera stands, for the cameras of other scenes. */
  get shot(): Shot {
    const { position, target } = this.viewpoint;
    return { position: this.#inData(position), target: this.#inData(target), scene: this.#ball };
  }

  /**
   * Shows a scene in place of the one before, from where a person looks.
   *
   * @param viewpoint where the first scene is looked at from; null for the whole of it.
   */
  show(content: SceneContent, viewpoint: Viewpoint | null): void {
    const before = this.#content;
    const { shot } = this;
    if (before) {
      this.#scene.remove(before.object);
      if (before.object !== content.object) before.object.traverse(freeMemory);
    }
    this.#content = content;
    this.#painter.cloud = content.cloud;
    this.#scene.add(content.object);
    this.#box = new Box3().setFromObject(content.object);
    this.#box.getBoundingSphere(this.#sphere);
    if (this.#box.isEmpty()) this.#sphere.set(new Vector3(), 1);
    this.#sphere.radius ||= 1;
    this.#labels.set(content.labels);
    this.#makeHelpers();
    // The same data in other colours or with other boxes; else another step, seen from the same place or the same side.
    if (before && (before.object === content.object || before.middle === content.middle)) this.draw();
    else if (before) this.moveTo(shot);
    else if (viewpoint) {
      this.#camera.stand(viewpoint);
      this.draw();
    } else this.resetView();
  }

  /** Looks from where the camera of another scene does. */
  moveTo(shot: Shot): void {
    const { position, target } = shotIn(this.#ball, shot);
    const middle = new Vector3(...(this.#content?.middle ?? [0, 0, 0]));
    this.#camera.stand({
      position: new Vector3(...position).sub(middle),
      target: new Vector3(...target).sub(middle),
    });
    this.draw();
  }

  /** What is seen, in words, for those who do not see it. */
  setLabel(label: string): void {
    this.#renderer.domElement.setAttribute("aria-label", label);
  }

  setTheme(theme: ThemeName): void {
    this.#theme = theme;
    this.#renderer.setClearColor(GROUND[theme]);
    this.#makeHelpers();
    this.draw();
  }

  setLabels(areShown: boolean): void {
    this.#labels.show(areShown);
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
    if (up === this.#camera.up) return;
    this.#camera.turn(up);
    this.#makeHelpers();
    this.resetView();
  }

  /** The whole scene, as large as it fits, from where it is first seen. */
  resetView(): void {
    const { up, camera } = this.#camera;
    this.#camera.stand({
      position: firstPosition(this.#sphere, this.#box, up, camera.aspect),
      target: this.#sphere.center,
    });
    this.draw();
  }

  /** CSS pixels. */
  resize(width: number, height: number): void {
    if (width === 0 || height === 0) return;
    this.#renderer.setSize(width, height);
    this.#camera.camera.aspect = width / height;
    // The canvas is empty now, and would be seen so if this waited.
    this.#painter.drawNow();
  }

  /** Draws with the next frame. */
  draw(): void {
    this.#painter.draw();
  }

  dispose(): void {
    this.#painter.stop();
    this.#isDisposed = true;
    this.#camera.dispose();
    for (const root of [this.#content?.object, this.#helpers]) root?.traverse(freeMemory);
    this.#labels.set([]);
    this.#renderer.domElement.remove();
    this.#renderer.dispose();
    // A browser grants few contexts and takes the oldest away: this one is given back now.
    this.#renderer.forceContextLoss();
  }

  /** The scene in the coordinates of the data. */
  get #ball(): Ball {
    return { center: this.#inData(this.#sphere.center), radius: this.#sphere.radius };
  }

  #inData({ x, y, z }: Vector3): Point3 {
    const [left, back, low] = this.#content?.middle ?? [0, 0, 0];
    return [x + left, y + back, z + low];
  }

  #changed = (isByHand: boolean): void => {
    this.draw();
    if (isByHand) this.onMove?.(this.shot);
  };

  #makeHelpers(): void {
    this.#helpers.traverse(freeMemory);
    this.#helpers.clear();
    this.#helpers.add(...makeHelpers(this.#sphere, this.#box, this.#camera.up, this.#theme));
  }

  #beforePicture = (): void => {
    this.#camera.focus(this.#sphere);
    const { clientWidth, clientHeight } = this.#renderer.domElement;
    this.#labels.move(this.#camera.camera, clientWidth, clientHeight);
  };
}
