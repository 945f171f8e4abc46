"""Logs a run, and reads it back."""

import math

import trackd

with trackd.init(project="quickstart", config={"lr": 0.1, "decay": 0.98}) as run:
    run.define_metric("val/*", summary="min,last")
    for step in range(100):
        loss = math.exp(-step / 20)
        run.log({"train/loss": loss, "lr": run.config.lr * run.config.decay**step})
        if step % 10 == 9:
            run.log({"val/loss": loss * 1.1}, step=step)
    run.summary["note"] = "the first one"

read = trackd.Api().run(run.path)
print("lowest validation loss:", round(read.summary["val/loss.min"], 4))
for row in read.history(samples=5, keys=["train/loss"], pandas=False):
    print(row["_step"], round(row["train/loss"], 4))
