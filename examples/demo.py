"""Trains a small digit classifier for about a minute and tracks it with trackd.

The model is a network of two hidden layers in NumPy, trained on scikit-learn's bundled digits with random shifts and
noise. Every run draws a new seed, so that its curves differ from those of the run before.
"""

from __future__ import annotations

import argparse
import itertools
import math
import secrets

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import trackd

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

# About a minute on two cores of a small machine.
STEPS_DEFAULT = 15_000
# Often enough for a smooth validation curve, seldom enough to cost little.
VALIDATION_INTERVAL_STEPS = 20


def main() -> None:
    """Trains one run and logs it."""
    parser = argparse.ArgumentParser(description="Train a small digit classifier and track it with trackd.")
    parser.add_argument(
        "--steps", type=int, default=STEPS_DEFAULT, help="how many batches to train on (%(default)s)"
    )
    steps = parser.parse_args().steps

    config = {
        "model": {"kind": "mlp", "hidden": [256, 128]},
        "optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
        "batch_size": 256,
        "steps": steps,
        "seed": secrets.randbelow(2**31),
    }
    # Matrices this small gain nothing from more threads, and lose much where other programs are busy.
    with threadpool_limits(limits=1), trackd.init(project="demo", config=config) as run:
        train(run)
    print(f"Done: {run.url or run.name} (`trackd ui` opens the page)")


def train(run: trackd.Run) -> None:
    """Trains as `run.config` says, logging each step's losses, accuracy, learning rate and gradients."""
    config = run.config
    rng = np.random.default_rng(config["seed"])
    images, labels = load_digits(return_X_y=True)
    train_images, val_images, train_labels, val_labels = train_test_split(
        (images / 16).astype(np.float32), labels, test_size=0.25, stratify=labels, random_state=0
    )
    network = Network([64, *config["model"]["hidden"], 10], rng)
    steps, batch_size = config["steps"], config["batch_size"]
    progress = tqdm(range(steps), desc="training", unit="step")
    for step in progress:
        chosen = rng.integers(len(train_images), size=batch_size)
        batch = augment(train_images[chosen], rng)
        loss, gradients = network.loss_and_gradients(batch, train_labels[chosen])
        learning_rate = scheduled(config["optimizer"]["learning_rate"], step, steps)
        network.descend(
            gradients, learning_rate, config["optimizer"]["momentum"], config["optimizer"]["weight_decay"]
        )

        row = {
            "train/loss": loss,
            "lr": learning_rate,
            "epoch": step * batch_size / len(train_images),
            "grad": {
                "norm": math.sqrt(sum(float(np.vdot(g, g)) for g in gradients)),
                "max": max(float(np.abs(g).max()) for g in gradients),
            },
        }
        if step % VALIDATION_INTERVAL_STEPS == 0 or step == steps - 1:
            val_loss, val_accuracy = network.evaluate(val_images, val_labels)
            row |= {"val/loss": val_loss, "val/accuracy": val_accuracy}
            progress.set_postfix(loss=f"{val_loss:.3f}", accuracy=f"{val_accuracy:.3f}")
        run.log(row)


def scheduled(peak: float, step: int, steps: int) -> float:
    """Returns the learning rate of `step`: a linear warm-up over the first tenth, then a cosine down to zero."""
    warmup = max(1, steps // 10)
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def augment(images: Array, rng: np.random.Generator) -> Array:
    """Returns copies of `images`, shape (n, 64), each shifted by up to one pixel and with a little noise."""
    squares = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    top, left = rng.integers(3, size=(2, len(images), 1, 1))
    shifted: Array = squares[
        np.arange(len(images))[:, None, None], top + np.arange(8)[:, None], left + np.arange(8)
    ]
    noise = rng.normal(scale=0.1, size=shifted.shape)
    return (shifted + noise).reshape(-1, 64).astype(np.float32)


class Network:
    """A fully connected classifier with ReLU, softmax and momentum; `parameters` alternates weights and biases."""

    def __init__(self, widths: list[int], rng: np.random.Generator) -> None:
        self.parameters: list[Array] = []
        for inputs, outputs in itertools.pairwise(widths):
            weights = rng.normal(scale=math.sqrt(2 / inputs), size=(inputs, outputs))
            self.parameters += [weights.astype(np.float32), np.zeros(outputs, np.float32)]
        self.velocities = [np.zeros_like(parameter) for parameter in self.parameters]

    def activations(self, images: Array) -> list[Array]:
        """Returns the output of every layer, `images` first and the class probabilities, shape (n, 10), last."""
        outputs = [images]
        for weights, bias in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            outputs.append(np.maximum(outputs[-1], 0) @ weights + bias)
        scores = np.exp(outputs[-1] - outputs[-1].max(axis=1, keepdims=True))
        outputs[-1] = scores / scores.sum(axis=1, keepdims=True)
        return outputs

    def loss_and_gradients(self, images: Array, labels: Labels) -> tuple[float, list[Array]]:
        """Returns the mean cross-entropy and its gradient for each of `parameters`."""
        outputs = self.activations(images)
        loss = cross_entropy(outputs[-1], labels)
        error = outputs[-1].copy()
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        gradients: list[Array] = []
        for layer in reversed(range(len(outputs) - 1)):
            gradients[:0] = [np.maximum(outputs[layer], 0).T @ error, error.sum(axis=0)]
            error = (error @ self.parameters[2 * layer].T) * (outputs[layer] > 0)
        return loss, gradients

    def descend(
        self, gradients: list[Array], learning_rate: float, momentum: float, weight_decay: float
    ) -> None:
        """Takes one step of gradient descent with momentum and weight decay."""
        for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients, strict=True):
            velocity[:] = momentum * velocity - learning_rate * (gradient + weight_decay * parameter)
            parameter[:] += velocity

    def evaluate(self, images: Array, labels: Labels) -> tuple[float, float]:
        """Returns the mean cross-entropy and the share of right answers, from 0 to 1."""
        probabilities = self.activations(images)[-1]
        return cross_entropy(probabilities, labels), float((probabilities.argmax(axis=1) == labels).mean())


def cross_entropy(probabilities: Array, labels: Labels) -> float:
    """Returns the mean of minus the logarithm of each right class's probability."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


if __name__ == "__main__":
    main()
