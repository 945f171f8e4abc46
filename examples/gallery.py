"""Logs everything that examples/records shows into one run of the project "gallery"; twice, to compare side by side.

Needs Matplotlib, Plotly, Bokeh and pandas beside trackd.
"""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import trackd

RECORDS = Path(__file__).resolve().parent / "records"
SEEDS = (0, 1)


def main() -> None:
    """Logs a run for each seed."""
    scripts = [runpy.run_path(str(path)) for path in sorted(RECORDS.glob("*.py"))]
    for seed in SEEDS:
        with trackd.init(project="gallery", name=f"seed {seed}", config={"seed": seed}) as run:
            # All begin at step 0, some go on for longer than others.
            for rows in itertools.zip_longest(*(script["rows"](seed) for script in scripts), fillvalue={}):
                run.log({key: value for row in rows for key, value in row.items()})
            for script in scripts:
                if "summary" in script:
                    run.summary.update(script["summary"](seed))


if __name__ == "__main__":
    main()
