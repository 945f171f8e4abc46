/** The archive of the file that the page is. */
import { Archive } from "./archive";

export const archive = new Archive((id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`this file is damaged: it has no element '${id}'`);
  return element.textContent ?? "";
});
