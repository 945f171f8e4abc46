"""Logs HTML: a card with a drawing, and a small page whose script runs in a frame without any rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import trackd

STEPS = 5

PENDULUM = """<!doctype html>
<canvas id="paper" width="320" height="200" style="background: #0b1021; border-radius: 8px"></canvas>
<script>
  const paper = document.getElementById("paper").getContext("2d");
  const length = LENGTH;
  function draw(time) {
    const angle = 0.9 * Math.sin((time / 1000) * Math.sqrt(400 / length));
    const x = 160 + length * Math.sin(angle), y = 20 + length * Math.cos(angle);
    paper.clearRect(0, 0, 320, 200);
    paper.strokeStyle = "#94a3b8";
    paper.beginPath(); paper.moveTo(160, 20); paper.lineTo(x, y); paper.stroke();
    paper.fillStyle = "#fbbf24";
    paper.beginPath(); paper.arc(x, y, 12, 0, 2 * Math.PI); paper.fill();
    requestAnimationFrame(draw);
  }
  requestAnimationFrame(draw);
</script>
"""


def rows(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yields what each step logs."""
    rng = np.random.default_rng(seed)
    losses = np.exp(-np.arange(STEPS) / 2) + rng.uniform(0, 0.1, STEPS)
    for step in range(STEPS):
        pendulum = PENDULUM.replace("LENGTH", str(60 + 20 * step))
        yield {
            "html/card": trackd.Html(card(losses[: step + 1].tolist())),
            "html/pendulum": trackd.Html(pendulum, inject=False),
        }


def card(losses: list[float]) -> str:
    """Returns a card that says what the losses are and draws them as bars."""
    bars = "".join(
        f'<rect x="{24 * place}" y="{80 * (1 - loss):.1f}" width="18" height="{80 * loss:.1f}" rx="3" fill="#6366f1"/>'
        for place, loss in enumerate(losses)
    )
    return (
        f"<h3>Epoch {len(losses)}</h3>"
        f"<p>The <a href='https://en.wikipedia.org/wiki/Cross-entropy'>loss</a> is <b>{losses[-1]:.3f}</b>.</p>"
        f'<svg width="120" height="90" viewBox="0 -8 120 90">{bars}</svg>'
    )


if __name__ == "__main__":
    with trackd.init(project="records", name="html") as run:
        for row in rows():
            run.log(row)
