/** Offers in the palette what can be done to the charts of the page. */
import { useActions } from "../palette/actions";
import { viewActions } from "../palette/view_actions";
import { useView } from "../url/use_view";

export function ViewActions() {
  useActions(viewActions(...useView()));
  return null;
}
