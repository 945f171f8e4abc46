/** Draws a Bokeh document with the scripts that were logged along with it: each release reads only its own documents. */
import { serveFrame } from "./frame";
import { isObject } from "./plain";

interface BokehRuntime {
  embed: { embed_item(item: unknown, target: string): Promise<unknown> };
}

declare global {
  interface Window {
    Bokeh?: BokehRuntime;
  }
}

let loaded: string | null = null;

/** Puts the scripts in, in their order. They stay in the page: another version cannot be put over them. */
function load(scripts: readonly string[]): void {
  const wanted = scripts.join("\n");
  if (loaded === wanted) return;
  if (loaded !== null) throw new Error("this frame has loaded another version of Bokeh: load the page again");
  let failure: string | null = null;
  const listen = (event: ErrorEvent) => {
    failure ??= event.message;
  };
  addEventListener("error", listen);
  for (const text of scripts) {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  }
  removeEventListener("error", listen);
  if (failure !== null) throw new Error(`Bokeh's scripts fail: ${failure}`);
  loaded = wanted;
}

serveFrame(async (message, root) => {
  const { item } = message;
  const runtime = message.runtime ?? [];
  if (!isObject(item)) throw new Error("the Bokeh document is not a JSON object");
  if (!Array.isArray(runtime) || !runtime.every((text) => typeof text === "string")) {
    throw new Error("Bokeh's scripts are not a list of texts");
  }
  load(runtime);
  if (!window.Bokeh) throw new Error("the record brings no scripts of Bokeh along, so its document cannot be drawn");
  root.replaceChildren();
  await window.Bokeh.embed.embed_item(item, root.id);
});
