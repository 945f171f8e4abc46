/**
 * The address of the page within an exported file: it stands behind the `#`, as the file has no other.
 *
 * In the export, the build puts this in the place of the browser's `location`.
 */
import { archive } from "./the_archive";

const route = (): string => window.location.hash.slice(1) || archive.index.address;

export const place = {
  get pathname(): string {
    return route().split("?", 1)[0];
  },
  get search(): string {
    const mark = route().indexOf("?");
    return mark < 0 ? "" : route().slice(mark);
  },
  get href(): string {
    return window.location.href;
  },
  protocol: "file:",
  host: "",
};

Object.assign(globalThis, { trackdPlace: place });
