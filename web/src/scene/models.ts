/**
 * Models out of files' bytes.
 *
 * A file may name others: nothing is loaded but what the file itself holds, so that looking at a model tells nobody.
 */
import {
  BufferGeometry,
  DoubleSide,
  LoadingManager,
  type Material,
  Mesh,
  MeshStandardMaterial,
  Object3D,
  Points,
  PointsMaterial,
  TextureLoader,
} from "three";
import { GLTFLoader, type GLTFParser } from "three/examples/jsm/loaders/GLTFLoader.js";
import { OBJLoader } from "three/examples/jsm/loaders/OBJLoader.js";
import { PLYLoader } from "three/examples/jsm/loaders/PLYLoader.js";
import { STLLoader } from "three/examples/jsm/loaders/STLLoader.js";
import type { ModelFileType } from "../api/records";

// A grey that shows its shades on a light and on a dark ground.
const MODEL_COLOR = "#9aa3b2";

/** The address itself when it holds its data; anything else is refused. */
export function ownData(address: string): string {
  if (address.startsWith("data:") || address.startsWith("blob:")) return address;
  throw new Error(
    `the model refers to '${address}', which is not part of its file: log it as .glb, which holds everything`,
  );
}

/** The bytes of a `data:` address. The page's policy lets no script fetch such addresses, so they are read here. */
export function dataBytes(address: string): ArrayBuffer {
  const comma = ownData(address).indexOf(",");
  if (!address.startsWith("data:") || comma < 0) throw new Error("the model's data are not written as a data address");
  const body = address.slice(comma + 1);
  if (!address.slice(0, comma).endsWith(";base64")) {
    return new TextEncoder().encode(decodeURIComponent(body)).buffer as ArrayBuffer;
  }
  const text = atob(body);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes.buffer;
}

/** A manager that refuses all other files, and the files it has refused. */
function makeManager(): { manager: LoadingManager; refused: Set<string> } {
  const manager = new LoadingManager();
  const refused = new Set<string>();
  manager.setURLModifier((address) => {
    try {
      return ownData(address);
    } catch (error) {
      refused.add(address);
      throw error;
    }
  });
  return { manager, refused };
}

/** Makes a glTF parser read data addresses without fetching, and pictures through image elements. */
function readInline(manager: LoadingManager) {
  return (parser: GLTFParser) => {
    // What is thrown here becomes the parser's own failure, sentence and all.
    const files = {
      load: (address: string, onLoad: (bytes: ArrayBuffer) => void) => onLoad(dataBytes(address)),
    };
    parser.fileLoader = files as unknown as typeof parser.fileLoader;
    parser.textureLoader = new TextureLoader(manager);
    return { name: "trackd-inline" };
  };
}

const material = (geometry: BufferGeometry) =>
  new MeshStandardMaterial({
    color: geometry.hasAttribute("color") ? "#ffffff" : MODEL_COLOR,
    vertexColors: geometry.hasAttribute("color"),
    side: DoubleSide,
    roughness: 0.8,
    metalness: 0,
  });

function meshOf(geometry: BufferGeometry): Object3D {
  if (!geometry.hasAttribute("normal")) geometry.computeVertexNormals();
  return new Mesh(geometry, material(geometry));
}

function cloudOf(geometry: BufferGeometry): Object3D {
  const hasColor = geometry.hasAttribute("color");
  const look = new PointsMaterial({ vertexColors: hasColor, color: hasColor ? "#ffffff" : MODEL_COLOR });
  look.sizeAttenuation = false;
  return new Points(geometry, look);
}

async function parseGltf(bytes: ArrayBuffer): Promise<ParsedModel> {
  const { manager, refused } = makeManager();
  const loader = new GLTFLoader(manager);
  loader.register(readInline(manager));
  const { scene } = await loader.parseAsync(bytes, "");
  return { object: scene, refusedCount: refused.size };
}

/** All that a material may hold beside itself. */
function disposeMaterial(own: Material): void {
  for (const value of Object.values(own)) {
    if (typeof value === "object" && value !== null && "isTexture" in value) (value as { dispose(): void }).dispose();
  }
  own.dispose();
}

export interface ParsedModel {
  object: Object3D;
  /** Pictures in other files, which are not loaded: the model is drawn without them. */
  refusedCount: number;
}

/**
 * Parses a model.
 *
 * @throws Error when the file is not what its type says, or its shape stands in another file.
 */
export async function parseModel(bytes: ArrayBuffer, fileType: ModelFileType): Promise<ParsedModel> {
  const { manager } = makeManager();
  const alone = (object: Object3D) => ({ object, refusedCount: 0 });
  switch (fileType) {
    case "obj": {
      const model = new OBJLoader(manager).parse(new TextDecoder().decode(bytes));
      model.traverse((part) => {
        // Its materials stand in another file, which nobody logged.
        if (part instanceof Mesh) part.material = material(part.geometry as BufferGeometry);
      });
      return alone(model);
    }
    case "stl":
      return alone(meshOf(new STLLoader(manager).parse(bytes)));
    case "ply": {
      const geometry = new PLYLoader(manager).parse(bytes);
      return alone(geometry.index ? meshOf(geometry) : cloudOf(geometry));
    }
    case "gltf":
    case "glb":
      return parseGltf(bytes);
    default:
      throw new Error(`models of type '${String(fileType)}' are not drawn; obj, gltf, glb, stl and ply are`);
  }
}

/** Frees what a part holds on the GPU; another viewer would fill it again. */
export function freeMemory(part: Object3D): void {
  const { geometry, material } = part as { geometry?: { dispose(): void }; material?: Material | Material[] };
  geometry?.dispose();
  for (const own of Array.isArray(material) ? material : material ? [material] : []) disposeMaterial(own);
}
