/** The address of a page of the app as a link has it. In an exported page it stands behind the `#` (`export/href.ts`). */

export const hrefOf = (path: string): string => path;
