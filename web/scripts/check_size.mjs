// Says how much JavaScript the first page load moves, and fails past the budget.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

// The bar of the web app's specification: at most 0.22 MB gzip of initial JavaScript.
const BUDGET_BYTES = 220_000;

const folder = new URL("../dist/assets/", import.meta.url).pathname;
const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
let total = 0;
for (const name of scripts) {
  const size = gzipSync(readFileSync(join(folder, name))).length;
  total += size;
  console.log(`${(size / 1000).toFixed(1).padStart(8)} kB gzip  ${name}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB gzip  in all; the budget is ${BUDGET_BYTES / 1000} kB`);
if (total > BUDGET_BYTES) {
  console.error(`initial JavaScript is ${total} bytes; the limit is ${BUDGET_BYTES}`);
  process.exit(1);
}
