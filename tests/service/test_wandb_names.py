"""A script written for wandb runs unchanged with `import trackd as wandb`."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.reading import config, get_run, rows, state, summary
from tests.service.scripts import RunScript

import trackd

pytestmark = pytest.mark.usefixtures("module_store")

SCRIPT = """
import argparse
import random

import trackd as wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args()

wandb.login()
run = wandb.init(project="wandb-project", entity="team", config=args, tags=["baseline"], reinit=True,
                 settings=wandb.Settings(start_method="fork", console="off"), save_code=True)
assert wandb.run is run
wandb.config.update({"arch": {"depth": 2}}, allow_val_change=True)
wandb.define_metric("epoch")
wandb.define_metric("val/*", step_metric="epoch", summary="min", goal="minimize")
wandb.define_metric("train/loss", summary="best,last")

config = wandb.config
step = 0
for epoch in range(config.epochs):
    for batch in range(4):
        loss = 1.0 / (1 + step)
        wandb.log({"train/loss": loss, "lr": config["lr"]}, step=step, sync=False)
        step += 1
    wandb.log({"epoch": epoch, "val/acc": 0.5 + epoch / 10}, commit=False)
    run.log({"val": {"loss": 1.0 - epoch / 10}})
wandb.run.summary["best_accuracy"] = 0.7
wandb.summary.update({"note": "done"})
wandb.alert(title="finished", text="all good", level="INFO", wait_duration=300)
run.name = run.name + "-renamed"
wandb.run.tags = wandb.run.tags + ("done",)
print(run.id, run.project, dict(wandb.summary)["best_accuracy"], wandb.config.get("lr"), "lr" in wandb.config)
wandb.finish(quiet=True)
try:
    wandb.log({"late": 1})
except wandb.Error:
    print("late")
"""


def test_a_realistic_script_runs_unchanged(script: RunScript) -> None:
    ended = script(
        SCRIPT,
        "--lr",
        "0.01",
        env={"WANDB_NAME": "from-env", "WANDB_NOTES": "n", "WANDB_RUN_GROUP": "g", "WANDB_SILENT": "true"},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    first, late = ended.stdout.splitlines()
    run_id = first.split()[0]
    assert first == f"{run_id} wandb-project 0.7 0.01 True"
    assert late == "late"
    stored = get_run(run_id, "wandb-project")
    assert state(run_id) == "finished"
    assert (stored.name, stored.notes, stored.group) == ("from-env-renamed", "n", "g")
    assert list(stored.tags) == ["baseline", "done"]
    assert config(run_id) == {"lr": 0.01, "epochs": 3, "arch": {"depth": 2}}
    found = rows(run_id)
    # As in the reference, the rows of an epoch join its last training step, which was left open.
    assert [step for step, _ in found] == list(range(12))
    assert found[3][1] == {"train/loss": 0.25, "lr": 0.01, "epoch": 0, "val/acc": 0.5, "val.loss": 1.0}
    assert summary(run_id) == {
        "train/loss.best": 1.0 / 12,
        "train/loss.last": 1.0 / 12,
        "lr": 0.01,
        "epoch": 2,
        "val/acc.min": 0.5,
        "val.loss": 0.8,
        "best_accuracy": 0.7,
        "note": "done",
    }
    api_run = trackd.Api().run(f"team/wandb-project/{run_id}")
    assert [row["train/loss"] for row in api_run.scan_history(keys=["train/loss"])] == [
        1.0 / (1 + step) for step in range(12)
    ]
    assert api_run.summary["best_accuracy"] == 0.7
    assert api_run.config["lr"] == 0.01


@pytest.mark.parametrize(
    "source",
    [
        # transformers' callback
        """
        wandb.init(project="hf", name="trainer")
        wandb.define_metric("train/global_step")
        wandb.define_metric("*", step_metric="train/global_step", step_sync=True)
        wandb.config.update({"a": 1}, allow_val_change=True)
        wandb.config["model/num_parameters"] = 5
        for step in range(3):
            wandb.log({"train/loss": 1.0, "train/global_step": step})
        for key, value in {"train_runtime": 1.5}.items():
            wandb.run.summary[key] = value
        assert dict(wandb.summary)["train/loss"] == 1.0
        assert wandb.run.url is None or wandb.run.url.startswith("http")
        wandb.finish()
        """,
        # accelerate and ignite: explicit steps, from several handlers
        """
        run = wandb.init(project="accelerate")
        for step in range(3):
            run.log({"loss": 1.0}, step=step)
            run.log({"lr/group": 0.1}, step=step)
        run.finish()
        """,
        # gradient boosting: commit=False for every metric, then the iteration
        """
        with wandb.init(project="boost", reinit=True) as run:
            wandb.define_metric("train-rmse", summary="min")
            for epoch in range(3):
                wandb.log({"train-rmse": 1.0}, commit=False)
                wandb.log({"valid-rmse": 1.0}, commit=False)
                wandb.log({"epoch": epoch})
            run.config.setdefaults({"x": 1})
            assert "x" in wandb.config
        """,
        # fastai and skorch
        """
        run = wandb.init(project="fastai", anonymous="must", id="fixed-id", resume="allow")
        wandb.log({"raw_loss": 0.5}, step=run.step)
        wandb.log({})
        run.summary["epoch"] = 1
        open(run.dir + "/model.pth", "w").close()
        wandb.join()
        """,
    ],
    ids=["transformers", "accelerate", "xgboost", "fastai"],
)
def test_the_calls_of_well_known_libraries_run(source: str, script: RunScript) -> None:
    ended = script("import trackd as wandb\n" + "\n".join(line[8:] for line in source.splitlines()))
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "name",
    ["init", "log", "finish", "config", "summary", "define_metric", "alert", "run", "Run", "Api", "Error", "Settings",
     "login", "join", "setup", "mark_preempting", "CommError", "UsageError", "__version__"],
)  # fmt: skip
def test_the_module_has_the_names_of_wandb(name: str) -> None:
    assert hasattr(trackd, name)
    assert name in trackd.__all__


@pytest.mark.parametrize("name", ["id", "name", "project", "entity", "group", "job_type", "tags", "notes", "url", "path",
                                  "dir", "step", "config", "summary", "history", "settings", "offline", "disabled",
                                  "resumed", "start_time", "starting_step", "log", "finish", "define_metric", "alert",
                                  "mark_preempting", "get_url"])  # fmt: skip
def test_a_run_has_the_names_of_wandb(name: str, project: str) -> None:
    run = trackd.init(project=project, mode="disabled")
    value: Any = getattr(run, name)
    assert value is not NotImplemented
