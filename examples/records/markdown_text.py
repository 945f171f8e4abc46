"""Logs Markdown: a report that is written anew after each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import trackd

STEPS = 4


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    accuracies = 1 - 0.4 * np.exp(-np.arange(STEPS) / 1.5) + rng.uniform(0, 0.02, STEPS)
    for step in range(STEPS):
        lines = [f"| {epoch} | {accuracy:.3f} |" for epoch, accuracy in enumerate(accuracies[: step + 1])]
        yield {
            "text/report": trackd.Markdown(
                REPORT.format(epoch=step, best=accuracies.max(), table="\n".join(lines))
            )
        }


REPORT = """\
## After epoch {epoch}

The model is **better than before**, and still confuses *4* and *9*.

| Epoch | Accuracy |
|------:|---------:|
{table}

1. lower the learning rate
2. show it more nines

> What is asked of it is an accuracy of {best:.3f}.

```python
schedule = lambda step: 0.1 * 0.98**step
```
"""


if __name__ == "__main__":
    with trackd.init(project="records", name="markdown") as run:
        for row in rows():
            run.log(row)
