// Several of these write one run, in any language: export TRACKD_RUN_ID=abc; node shared.js a & node shared.js b
import { init } from "trackd";

const label = process.argv[2] ?? "a";
const run = init({ mode: "shared", label });

for (let n = 0; n < 1000; n++) {
  run.log({ [`${label}/n`]: BigInt(n), [`${label}/half`]: n / 2 });
}
await run.finish();
