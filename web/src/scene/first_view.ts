/** Where a scene is seen from at first. */
import { type Box3, type Sphere, Vector3 } from "three";

export type UpAxis = "y" | "z";

export const FIELD_OF_VIEW_DEGREES = 45;
export const UP: Record<UpAxis, Vector3> = { y: new Vector3(0, 1, 0), z: new Vector3(0, 0, 1) };

/** Room around a scene that is seen as a whole. */
const MARGIN = 1.25;
// From above and aside: shows that the scene is no picture.
const FIRST_DIRECTION: Record<UpAxis, Vector3> = {
  z: new Vector3(-0.75, -1, 0.7).normalize(),
  y: new Vector3(0.75, 0.6, 1).normalize(),
};

/**
 * Where a camera sees the whole scene, as large as it fits.
 *
 * @param box holds the scene, as the sphere does.
 * @param aspect the width of the picture by its height.
 */
export function firstPosition(sphere: Sphere, box: Box3, up: UpAxis, aspect: number): Vector3 {
  const direction = FIRST_DIRECTION[up];
  const right = UP[up].clone().cross(direction).normalize();
  const above = direction.clone().cross(right);
  const tangent = Math.tan((FIELD_OF_VIEW_DEGREES / 2) * (Math.PI / 180));
  const half = box.getSize(new Vector3()).divideScalar(2);
  let distance = sphere.radius / 100;
  for (let corner = 0; corner < 8 && !box.isEmpty(); corner++) {
    const place = new Vector3(
      corner & 1 ? half.x : -half.x,
      corner & 2 ? half.y : -half.y,
      corner & 4 ? half.z : -half.z,
    );
    const wide = Math.abs(place.dot(right)) / (tangent * aspect);
    const high = Math.abs(place.dot(above)) / tangent;
    distance = Math.max(distance, place.dot(direction) + Math.max(wide, high) * MARGIN);
  }
  return sphere.center.clone().addScaledVector(direction, distance);
}
