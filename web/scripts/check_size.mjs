// Says how much JavaScript the first page load moves, and fails past the budget. What is loaded later, when the first record of its
// kind is shown, is listed only; that the viewers' libraries are among that, vite.config.ts sees to.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

// The bar of the web app's specification: at most 0.22 MB gzip of initial JavaScript.
const BUDGET_BYTES = 220_000;

const dist = new URL("../dist/", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));

/** The files of an entry and of all that it imports before it runs. */
function staticFiles(key, found = new Set()) {
  const chunk = manifest[key];
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) staticFiles(imported, found);
  return found;
}

const gzipSize = (file) => gzipSync(readFileSync(join(dist, file))).length;
const say = (size, name) => console.log(`${(size / 1000).toFixed(1).padStart(8)} kB gzip  ${name}`);

const initial = new Set();
for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) staticFiles(key, initial);
// The chart worker begins with the first chart: it counts as well, though no import names it.
const scripts = readdirSync(join(dist, "assets")).filter((name) => name.endsWith(".js"));
for (const name of scripts) if (name.startsWith("worker-")) initial.add(`assets/${name}`);

const late = scripts.map((name) => `assets/${name}`).filter((file) => !initial.has(file));
const frames = readdirSync(join(dist, "frames")).map((name) => `frames/${name}`);

let total = 0;
console.log("Initial JavaScript:");
for (const file of initial) {
  const size = gzipSize(file);
  total += size;
  say(size, file);
}
say(total, `in all; the budget is ${BUDGET_BYTES / 1000} kB`);
console.log("Later, each with the first record that needs it:");
for (const file of [...late, ...frames]) say(gzipSize(file), file);

if (total > BUDGET_BYTES) {
  console.error(`error: initial JavaScript is ${total} bytes gzip; the limit is ${BUDGET_BYTES}`);
  process.exit(1);
}
