/** Draws a molecule: proteins as a ribbon, everything else as sticks and balls. */
import { createViewer, type GLViewer } from "3dmol";
import { serveFrame } from "./frame";
import { LOOKS } from "./look";

/** Our names of formats to those of the library. */
const FORMATS: Record<string, string> = {
  pdb: "pdb",
  pqr: "pqr",
  mmcif: "cif",
  mcif: "cif",
  cif: "cif",
  sdf: "sdf",
  sd: "sdf",
  gro: "gro",
  mol2: "mol2",
  xyz: "xyz",
};

let viewer: GLViewer | null = null;
let shown: { text: unknown; fileType: unknown } | null = null;

function makeViewer(root: HTMLElement): GLViewer {
  let made: GLViewer | null = null;
  try {
    made = createViewer(root, { antialias: true, cartoonQuality: 8 }) as GLViewer | null;
  } catch {
    // The library throws or gives nothing back, as the browser goes.
  }
  if (!made) throw new Error("this browser offers no WebGL, which a molecule is drawn with");
  addEventListener("resize", () => made.resize());
  return made;
}

function draw(own: GLViewer, text: string, format: string, fileType: string): void {
  own.removeAllModels();
  const model = own.addModel(text, format);
  if (model.selectedAtoms({}).length === 0) throw new Error(`no atom was found in the file, read as '${fileType}'`);
  if (model.selectedAtoms({ atom: "CA", hetflag: false }).length > 1) {
    own.setStyle({}, { cartoon: { color: "spectrum" } });
    own.setStyle({ hetflag: true }, { stick: { radius: 0.15 }, sphere: { scale: 0.22 } });
  } else own.setStyle({}, { stick: { radius: 0.14 }, sphere: { scale: 0.26 } });
  own.spin(false);
  own.zoomTo();
  // The library leaves room for labels, of which there are none.
  own.zoom(1.3);
}

serveFrame((message, root) => {
  const { text, file_type: fileType, theme } = message;
  const format = FORMATS[String(fileType)];
  if (format === undefined) {
    throw new Error(`'${String(fileType)}' files are kept and can be downloaded, but are not drawn`);
  }
  if (typeof text !== "string" && !(text instanceof ArrayBuffer)) throw new Error("the molecule's file is not text");
  viewer ??= makeViewer(root);
  viewer.setBackgroundColor(LOOKS[theme].ground, 1);
  // Another theme only changes the ground: the view stays as a person has turned it.
  const isShown = shown?.text === text && shown.fileType === fileType;
  if (!isShown) {
    draw(viewer, typeof text === "string" ? text : new TextDecoder().decode(text), format, String(fileType));
    shown = { text, fileType };
  }
  viewer.render();
});
