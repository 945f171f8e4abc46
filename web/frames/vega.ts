/**
 * Draws a Vega-Lite specification over rows.
 *
 * Expressions are interpreted and never compiled; nothing is loaded, whatever the specification asks for; a tooltip is text.
 */
import { type Loader, type LoggerInterface, parse, type Spec, type TooltipHandler, View } from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type Config, type TopLevelSpec } from "vega-lite";
import { serveFrame } from "./frame";
import { isObject } from "./plain";
import { fitted, themeConfig, withRows } from "./vega_spec";

const TOOLTIP_ROWS_MAX = 30;

let view: View | null = null;

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

/** A tooltip of text only: what a specification or a row holds never becomes markup. */
const showTip: TooltipHandler = (_handler, event, _item, value) => {
  if (value === null || value === undefined || value === "") {
    tip.hidden = true;
    return;
  }
  // A preset's field that the record names no column for has an empty name.
  const rows = isObject(value)
    ? Object.entries(value)
        .filter(([name]) => name !== "")
        .slice(0, TOOLTIP_ROWS_MAX)
    : [["", value]];
  tip.replaceChildren(
    ...rows.map(([name, cell]) => {
      const row = document.createElement("div");
      const label = document.createElement("span");
      label.textContent = String(name);
      const text = document.createElement("b");
      text.textContent = isObject(cell) ? JSON.stringify(cell) : String(cell);
      row.append(...(name === "" ? [text] : [label, text]));
      return row;
    }),
  );
  tip.hidden = false;
  const { clientX, clientY } = event;
  const isLeft = clientX + 12 + tip.offsetWidth > innerWidth;
  tip.style.left = `${Math.max(0, isLeft ? clientX - 12 - tip.offsetWidth : clientX + 12)}px`;
  tip.style.top = `${Math.max(0, Math.min(clientY + 12, innerHeight - tip.offsetHeight))}px`;
};

function refusingLoader(refused: Set<string>): Loader {
  const refuse = (uri: string) => {
    refused.add(uri);
    return Promise.reject(new Error(`'${uri}' is not loaded`));
  };
  return { load: refuse, sanitize: refuse, http: refuse, file: refuse };
}

function makeLogger(errors: unknown[]): LoggerInterface {
  const logger: LoggerInterface = {
    level: () => 0,
    error: (...parts: readonly unknown[]) => {
      errors.push(...parts);
      return logger;
    },
    warn: () => logger,
    info: () => logger,
    debug: () => logger,
  } as LoggerInterface;
  return logger;
}

const isVega = (specification: Record<string, unknown>) => /\/schema\/vega\/v\d/.test(String(specification.$schema));

function compiled(specification: Record<string, unknown>, config: Config, logger: LoggerInterface) {
  if (isVega(specification)) return specification;
  try {
    return compile(fitted(specification) as unknown as TopLevelSpec, { config, logger }).spec as Record<
      string,
      unknown
    >;
  } catch (error) {
    // Its own words are often those of a failing script.
    throw new Error(`Vega-Lite does not take the specification: ${(error as Error).message}`);
  }
}

serveFrame(async (message, root) => {
  const { specification, theme } = message;
  const rows = message.rows ?? [];
  if (!isObject(specification)) throw new Error("the chart's specification is not a JSON object");
  if (!Array.isArray(rows)) throw new Error("the chart's rows are not a list");
  const config = themeConfig(theme);
  const errors: unknown[] = [];
  const refused = new Set<string>();
  const logger = makeLogger(errors);
  const runtime = parse(withRows(compiled(specification, config, logger), rows) as Spec, config, { ast: true });
  view?.finalize();
  tip.hidden = true;
  root.replaceChildren();
  view = new View(runtime, {
    expr: expressionInterpreter,
    loader: refusingLoader(refused),
    logger,
    tooltip: showTip,
    renderer: "canvas",
    container: root,
    hover: true,
  });
  await view.runAsync();
  if (errors.length > 0) throw errors[0];
  const [uri] = refused;
  if (uri !== undefined) throw new Error(`'${uri}' is not loaded: a chart draws only the data it is given`);
});
