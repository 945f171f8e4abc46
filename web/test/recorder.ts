/** A context that draws nothing and writes down what it was told: what a painting is compared by. */
import type { PaintContext } from "../src/chart/context";

const rounded = (value: unknown) => (typeof value === "number" ? Math.round(value * 10) / 10 : value);

/** Each call as `name(arguments)`, each property that was set as `name=value`. */
export function recorder(): { context: PaintContext; told: string[] } {
  const told: string[] = [];
  const context = new Proxy({} as PaintContext, {
    get: (_, name) => {
      if (name === "measureText") return (text: string) => ({ width: text.length * 6 });
      return (...given: unknown[]) => void told.push(`${String(name)}(${given.map(rounded).join(",")})`);
    },
    set: (_, name, value) => {
      told.push(`${String(name)}=${String(rounded(value))}`);
      return true;
    },
  });
  return { context, told };
}
