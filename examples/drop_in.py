"""A script as it is written for wandb: only the import differs."""

import random

import trackd as wandb

run = wandb.init(project="drop-in", config={"epochs": 5, "lr": 1e-3}, tags=["baseline"], notes="as it was")
wandb.define_metric("epoch")
wandb.define_metric("val/*", step_metric="epoch", summary="max")
random.seed(run.config["epochs"])
for epoch in range(wandb.config.epochs):
    for _ in range(20):
        wandb.log({"train/loss": random.random() / (epoch + 1)})
    wandb.log({"epoch": epoch, "val/accuracy": 1 - random.random() / (epoch + 1)}, commit=False)
    wandb.log({})
wandb.summary["best"] = True
wandb.finish()
