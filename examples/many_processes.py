"""Several processes write one run: forked workers log beside the parent, each with its own steps."""

import multiprocessing

import trackd


def work(number: int) -> None:
    """Logs from a worker through the run that was inherited."""
    for step in range(10):
        trackd.log({f"worker-{number}/load": step / (number + 1)})


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with trackd.init(project="many-processes") as run:
        workers = [context.Process(target=work, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        for step in range(10):
            run.log({"parent/step": step})
        for worker in workers:
            worker.join()
    print("written by four processes:", run.path)
