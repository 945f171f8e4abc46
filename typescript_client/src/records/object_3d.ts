/** Owns `Object3D`: a cloud of points, or a model file that is kept byte for byte. */

import { UsageError, ValueError } from "../errors.js";
import { show } from "../settings.js";
import { type Content, type Draft, type RecordKind, TypedRecord, checkCaption, owned, readContent } from "./draft.js";

/** What {@link Object3D} takes beside the object itself. */
export interface Object3DOptions {
  /** How many numbers a point has in a typed array: 3, 4 with a category, 6 with red, green, blue in 0 to 255. Default: 3. */
  readonly pointSize?: 3 | 4 | 6 | undefined;
  /** The type of a model given as bytes, or of a file whose name does not say it: obj, gltf, glb, stl or ply. */
  readonly fileType?: string | undefined;
  /** Text under the object. */
  readonly caption?: string | undefined;
}

const FILE_TYPES: readonly string[] = ["obj", "gltf", "glb", "stl", "ply"];
const POINT_SIZES: readonly number[] = [3, 4, 6];

/** A 3D object. */
export class Object3D extends TypedRecord {
  override readonly kind = "object_3d";
  readonly #points: Float32Array | Float64Array | undefined;
  readonly #pointSize: number;
  readonly #content: Content | undefined;
  readonly #fileType: string;
  readonly #caption: string;

  /**
   * Makes a 3D object; points and bytes are copied, NaN too.
   *
   * @param source Points: a list of them, each 3, 4 or 6 numbers, or a typed array with `options.pointSize`. Or a model: the
   *   path of a file, which is read here, or its bytes with `options.fileType`.
   * @throws {@link ValueError} when there are no points, they have another size, or the file is of another type.
   */
  constructor(
    source: string | Uint8Array | Float32Array | Float64Array | readonly (readonly number[])[],
    options: Object3DOptions = {},
  ) {
    super();
    this.#caption = checkCaption("Object3D", options.caption);
    this.#pointSize = options.pointSize ?? 3;
    this.#fileType = "";
    if (typeof source === "string" || source instanceof Uint8Array) {
      this.#content = readContent("Object3D", source);
      this.#fileType = fileTypeOf(this.#content, options.fileType);
      return;
    }
    if (Array.isArray(source)) {
      const rows = source as readonly (readonly number[])[];
      this.#pointSize = rows[0]?.length ?? 3;
      this.#points = flat(rows, this.#pointSize);
    } else if (source instanceof Float32Array || source instanceof Float64Array) {
      this.#points = owned("Object3D", source);
    } else {
      throw new UsageError(`Object3D: the source is ${show(source)}; it is points, or a model's path or bytes`);
    }
    const { length } = this.#points;
    if (!POINT_SIZES.includes(this.#pointSize) || length % this.#pointSize !== 0) {
      throw new ValueError(
        `Object3D: there are ${length} numbers, ${this.#pointSize} a point; a point can have 3, 4 with a category, or 6 with red, green and blue: give whole points`,
      );
    }
    if (length === 0) throw new ValueError("Object3D: there are no points; a cloud has at least one");
  }

  /** @internal */
  override encode(draft: Draft): RecordKind {
    const caption = this.#caption;
    if (this.#points !== undefined) {
      const points = draft.array(this.#points, [this.#points.length / this.#pointSize, this.#pointSize]);
      return { case: "object3d", value: { caption, source: { case: "scene", value: { points } } } };
    }
    const content = this.#content!;
    const value = draft.payload(content.data, "", content.name);
    return { case: "object3d", value: { caption, fileType: this.#fileType, source: { case: "encoded", value } } };
  }
}

function flat(rows: readonly (readonly number[])[], size: number): Float64Array {
  rows.forEach((row, number) => {
    if (!Array.isArray(row) || row.length !== size || !row.every((each) => typeof each === "number")) {
      throw new ValueError(
        `Object3D: point ${number} is ${Array.isArray(row) ? `[${row.map(show).join(", ")}]` : show(row)}, and the first has ${size} numbers: give each as many`,
      );
    }
  });
  return Float64Array.from(rows.flat());
}

function fileTypeOf(content: Content, given: string | undefined): string {
  const found = FILE_TYPES.includes(content.ending) ? content.ending : (given ?? content.ending).toLowerCase();
  if (FILE_TYPES.includes(found)) return found;
  throw new ValueError(
    `Object3D: the model is of type ${show(found)}; it can be ${FILE_TYPES.join(", ")}: pass its fileType`,
  );
}
