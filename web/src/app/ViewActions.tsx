/** Offers in the palette what can be done to the charts of the page, and the page as a file. */
import { htmlAddress } from "../api/routes";
import { type PaletteAction, useActions } from "../palette/actions";
import { viewActions } from "../palette/view_actions";
import { parseRoute } from "../url/route";
import { useView } from "../url/use_view";
import { isExported } from "./exported";

export function ViewActions() {
  useActions([...viewActions(...useView()), ...(isExported ? [] : [DOWNLOAD])]);
  return null;
}

const DOWNLOAD: PaletteAction = { id: "download-html", title: "Download as HTML", run: download };

/** The browser says how far the file has come, as of any download. */
function download(): void {
  const route = parseRoute(location.pathname);
  if (route.page !== "workspace" && route.page !== "run") return;
  const link = document.createElement("a");
  link.href = htmlAddress(route.project, route.page === "run" ? route.run : null, location.search.slice(1));
  link.download = "";
  link.click();
}
