"""Four ranks write one run as under torchrun, one of them slowly; afterwards the run says how each of them did."""

import multiprocessing
import os
import time

import trackd

RANKS = 4
STEPS = 50
STEP_SECONDS = 0.005
SLOW_RANK = 2


def train(rank: int) -> None:
    """Trains as one rank; a launcher would set the two variables."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(RANKS))
    with trackd.init(project="many-ranks", id=RUN_ID, mode="shared") as run:
        for step in range(STEPS):
            time.sleep(STEP_SECONDS * (2 if rank == SLOW_RANK else 1))
            run.log({"loss": 1 / (1 + step)}, step=step)


# The same for all ranks, another one each time: a launcher passes it on as TRACKD_RUN_ID.
RUN_ID = os.environ.setdefault("TRACKD_RUN_ID", f"ranks-{os.getpid()}-{time.time_ns()}")

if __name__ == "__main__":
    processes = [
        multiprocessing.get_context("spawn").Process(target=train, args=(rank,)) for rank in range(RANKS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    run = trackd.Api().run(f"many-ranks/{RUN_ID}")
    if run.ranks is not None:
        print(run.ranks["sentence"])
    for writer in run.writers:
        if writer["rank"] is not None:
            print(f"rank {writer['rank']}: {writer['state']} at step {writer['last_step']}")
