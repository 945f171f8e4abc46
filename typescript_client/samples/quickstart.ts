import { init } from "trackd";

const run = init({ project: "demo", config: { lr: 0.1, layers: [64, 32] } });

for (let step = 0; step < 100; step++) {
  const loss = Math.exp(-step / 30) + 0.05 * Math.random();
  run.log({ loss, train: { accuracy: 1 - loss / 2 } });
}

run.summary.set("best_step", 99);
await run.finish();
