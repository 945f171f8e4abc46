/** The address of a page of the app in an exported file; see `place.ts`. */

export const hrefOf = (path: string): string => (path.startsWith("/") ? `#${path}` : path);
