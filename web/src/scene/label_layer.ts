/** Words at places of a scene: elements over the canvas, moved with each frame. */
import { type PerspectiveCamera, Vector3 } from "three";

/** Words at a place of the scene. */
export interface PlacedLabel {
  text: string;
  place: Vector3;
  color: string;
}

export class LabelLayer {
  private labels: readonly PlacedLabel[] = [];

  constructor(private readonly root: HTMLElement) {}

  set(labels: readonly PlacedLabel[]): void {
    this.labels = labels;
    this.root.replaceChildren(
      ...labels.map(({ text, color }) => {
        const label = document.createElement("span");
        label.textContent = text;
        label.style.borderColor = color;
        return label;
      }),
    );
  }

  show(areShown: boolean): void {
    this.root.hidden = !areShown;
  }

  /** Puts them where a camera sees their places, on a canvas of a size in CSS pixels. */
  move(camera: PerspectiveCamera, width: number, height: number): void {
    if (this.root.hidden) return;
    const place = new Vector3();
    this.labels.forEach((label, index) => {
      place.copy(label.place).project(camera);
      const element = this.root.children[index] as HTMLElement;
      const isSeen = Math.abs(place.x) <= 1 && Math.abs(place.y) <= 1 && place.z < 1;
      element.style.display = isSeen ? "" : "none";
      if (!isSeen) return;
      const x = ((place.x + 1) / 2) * width;
      const y = ((1 - place.y) / 2) * height;
      element.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -100%)`;
    });
  }
}
