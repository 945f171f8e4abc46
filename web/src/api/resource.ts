/** Where an element of the page finds what it shows. In an exported page it is in the file itself (`export/resource.ts`). */

export const resource = (path: string): string => path;
