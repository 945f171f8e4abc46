"""Owns a random forest of regression trees over few rows, and what shuffling a column does to it.

Invariants: the same rows and the same generator give the same trees; a row is judged only by trees that have not seen
it; time and memory are bounded by rows, features and trees, whatever the values. Pure: NumPy only, no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackd_service.series import Float64Array, Int64Array

TREE_COUNT = 64
DEPTH_MAX = 8
# Thresholds lie between so many quantiles: sixteen steps leave less than half a percent of a line's variance.
_BINS_MAX = 16
# Smaller leaves tell one row from another; of thousands of rows they only cost time.
_LEAF_ROWS_MIN, _LEAF_SHARE_MIN = 2, 1 / 400
# A split that gains less of the whole variance than this is noise.
_GAIN_MIN = 5e-4
# Features that one level of a tree looks at: a third, as usual for regression, and of very many not all of these.
_TRIED_SHARE, _TRIED_MAX = 3, 40
_NODE_COUNT = (2 << DEPTH_MAX) - 1


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree, its nodes numbered by rows of the full tree: the children of n are 2n + 1 and 2n + 2.

    Attributes:
        features: int64 of shape (nodes,), which feature a node looks at; -1 for a leaf.
        bins: int64 of shape (nodes,), the last bin that goes left.
        values: float64 of shape (nodes,), what a leaf predicts.
        unseen: int64, the rows that it has not seen.
    """

    features: Int64Array
    bins: Int64Array
    values: Float64Array
    unseen: Int64Array

    def predict(self, binned: Int64Array) -> Float64Array:
        """Returns the prediction for rows of bins, of shape (rows, features)."""
        nodes = np.zeros(len(binned), np.int64)
        rows = np.arange(len(binned))
        for _ in range(DEPTH_MAX):
            features = self.features[nodes]
            is_right = binned[rows, np.maximum(features, 0)] > self.bins[nodes]
            nodes = np.where(features < 0, nodes, 2 * nodes + 1 + is_right)
        return self.values[nodes]

    def predict_shuffled(
        self, binned: Int64Array, owners: Int64Array, columns: Int64Array, order: Int64Array
    ) -> Float64Array:
        """Returns the prediction for the same rows with one column after another taken from rows in another order.

        Args:
            binned: int64 of shape (rows, features).
            owners: int64 of shape (features,), which column each feature is of.
            columns: int64 of shape (c,), the columns to shuffle.
            order: int64 of shape (c, rows), which row each row takes the column's values from.

        Returns:
            float64 of shape (c, rows).
        """
        nodes = np.zeros(order.shape, np.int64)
        own = np.broadcast_to(np.arange(len(binned)), order.shape)
        for _ in range(DEPTH_MAX):
            features = self.features[nodes]
            looked_at = np.maximum(features, 0)
            rows = np.where(owners[looked_at] == columns[:, None], order, own)
            is_right = binned[rows, looked_at] > self.bins[nodes]
            nodes = np.where(features < 0, nodes, 2 * nodes + 1 + is_right)
        return self.values[nodes]


class Forest:
    """Trees grown on samples of the rows with replacement, each of their levels choosing among a third of the features."""

    def __init__(
        self, features: Float64Array, target: Float64Array, owners: Int64Array, random: np.random.Generator
    ) -> None:
        """Grows the forest.

        Args:
            features: float64 of shape (rows, features), finite.
            target: float64 of shape (rows,), of mean 0 and deviation 1.
            owners: int64 of shape (features,), which column each feature is of; a column is shuffled as one.
            random: What chance comes from.
        """
        self._target = target
        self._owners = owners
        self._random = random
        self._binned = np.stack([_bins(column) for column in features.T], axis=1)
        self._trees = [self._grow() for _ in range(TREE_COUNT)]

    def explained(self) -> float:
        """Returns the share of the variance that is predicted for rows by trees that have not seen them; at most 1."""
        total, count = np.zeros(len(self._target)), np.zeros(len(self._target))
        for tree in self._trees:
            total[tree.unseen] += tree.predict(self._binned[tree.unseen])
            count[tree.unseen] += 1
        judged = count > 0
        wrong = (total[judged] / count[judged] - self._target[judged]) ** 2
        return 1.0 - float(wrong.mean()) if judged.any() else 0.0

    def harm(self, column_count: int) -> Float64Array:
        """Returns by how much the mean squared error of unseen rows grows once a column is shuffled, a value a column."""
        harm = np.zeros(column_count)
        for tree in self._trees:
            rows = self._binned[tree.unseen]
            if len(rows) == 0:
                continue
            target = self._target[tree.unseen]
            error = np.mean((tree.predict(rows) - target) ** 2)
            used = np.unique(self._owners[tree.features[tree.features >= 0]])
            order = np.argsort(self._random.random((len(used), len(rows))), axis=1)
            wrong = tree.predict_shuffled(rows, self._owners, used, order) - target
            harm[used] += np.mean(wrong**2, axis=1) - error
        return harm / TREE_COUNT

    def _grow(self) -> _Tree:
        row_count, feature_count = self._binned.shape
        sample = self._random.integers(0, row_count, row_count)
        binned, target = self._binned[sample], self._target[sample]
        tree = _Tree(
            np.full(_NODE_COUNT, -1, np.int64),
            np.zeros(_NODE_COUNT, np.int64),
            np.zeros(_NODE_COUNT),
            np.setdiff1d(np.arange(row_count), sample),
        )
        nodes = np.zeros(row_count, np.int64)
        tried_count = min(-(-feature_count // _TRIED_SHARE), _TRIED_MAX)
        leaf_rows = max(_LEAF_ROWS_MIN, int(row_count * _LEAF_SHARE_MIN))
        for depth in range(DEPTH_MAX + 1):
            first = (1 << depth) - 1
            local = nodes - first
            is_here = local >= 0
            count = np.bincount(local[is_here], minlength=1 << depth)
            total = np.bincount(local[is_here], target[is_here], 1 << depth)
            # A node without rows predicts nothing that anybody asks for.
            tree.values[first : first + (1 << depth)] = total / np.maximum(count, 1)
            open_nodes = np.flatnonzero(count >= 2 * leaf_rows)
            if depth == DEPTH_MAX or len(open_nodes) == 0:
                break
            places = np.full(1 << depth, -1)
            places[open_nodes] = np.arange(len(open_nodes))
            rows = np.flatnonzero(is_here & (places[np.maximum(local, 0)] >= 0))
            tried = self._random.permutation(feature_count)[:tried_count]
            gain, feature, bins = _best(
                binned[np.ix_(rows, tried)], target[rows], places[local[rows]], len(open_nodes), leaf_rows
            )
            split = gain > _GAIN_MIN * row_count
            chosen = open_nodes[split] + first
            tree.features[chosen], tree.bins[chosen] = tried[feature[split]], bins[split]
            moved = np.flatnonzero(tree.features[nodes] >= 0)
            parents = nodes[moved]
            is_right = binned[moved, tree.features[parents]] > tree.bins[parents]
            nodes[moved] = 2 * parents + 1 + is_right
        return tree


def _bins(values: Float64Array) -> Int64Array:
    """Returns the bin of each value: one for each different value, or for each of equal shares of the rows."""
    distinct = np.unique(values)
    if len(distinct) > _BINS_MAX:
        shares = np.linspace(0, 1, _BINS_MAX + 1)[1:-1]
        distinct = np.unique(np.quantile(values, shares, method="lower"))
        return np.searchsorted(distinct, values, side="left").astype(np.int64)
    return np.searchsorted(distinct, values).astype(np.int64)


def _best(
    binned: Int64Array, target: Float64Array, places: Int64Array, node_count: int, leaf_rows: int
) -> tuple[Float64Array, Int64Array, Int64Array]:
    """Returns the best split of each node: what it gains, its feature, and the last bin that goes left."""
    feature_count = binned.shape[1]
    shape = (node_count, feature_count, _BINS_MAX)
    size = node_count * feature_count * _BINS_MAX
    cells = (places[:, None] * feature_count + np.arange(feature_count)) * _BINS_MAX + binned
    count = np.bincount(cells.ravel(), minlength=size).reshape(shape)
    total = np.bincount(cells.ravel(), np.repeat(target, feature_count), size).reshape(shape)
    left_count, left_total = np.cumsum(count, axis=2), np.cumsum(total, axis=2)
    right_count, right_total = left_count[:, :, -1:] - left_count, left_total[:, :, -1:] - left_total
    gain = (
        left_total**2 / np.maximum(left_count, 1)
        + right_total**2 / np.maximum(right_count, 1)
        - left_total[:, :, -1:] ** 2 / np.maximum(left_count[:, :, -1:], 1)
    )
    is_allowed = (left_count >= leaf_rows) & (right_count >= leaf_rows)
    flat = np.where(is_allowed, gain, -np.inf).reshape(node_count, -1)
    best = np.argmax(flat, axis=1)
    return flat[np.arange(node_count), best], best // _BINS_MAX, best % _BINS_MAX
