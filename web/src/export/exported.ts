/** The page is a picture of a moment in one file, and says so. */
export { ExportedNote } from "./ExportedNote";

export const isExported = true;
