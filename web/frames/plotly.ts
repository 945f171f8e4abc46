/** Draws a Plotly figure. */
import Plotly, { type Data, type Layout } from "plotly.js-dist-min";
import { preparedFigure } from "./figure";
import { serveFrame } from "./frame";

serveFrame(async (message, root) => {
  const { data, layout } = preparedFigure(message.figure, message.theme);
  await Plotly.react(root, data as Data[], layout as Partial<Layout>, {
    responsive: true,
    displaylogo: false,
    // A frame may not start a download.
    modeBarButtonsToRemove: ["toImage"],
  });
});
