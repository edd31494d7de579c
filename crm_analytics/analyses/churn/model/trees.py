"""Gradient-boosted trees as the numbers they come to, with exact Shapley values.

A leaf is reached where every feature on its way agrees. With k features on the way (k is small: the trees
are shallow) a customer is one of 2^k patterns of which of them agree, and so is every customer of the
background. The Shapley value of a leaf for a customer depends on these two patterns only, so that the mean
over the *whole* background is a table of 2^k rows, made once. Nothing is sampled.

Source: Lundberg et al. (2020), Nature Machine Intelligence 2, 56-67 (interventional Shapley values of trees);
the tables by pattern are made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

Array = NDArray[np.float64]
BATCH = 10_000  # customers looked at together: the decisions of a tree stay in the cache


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; a row of the arrays is a node, the first is the root.

    feature : column of the matrix, -1 in a leaf
    threshold : a number up to it goes left
    goes_left : for a category, whether the code goes left (nodes x 256); no rows where there are none
    row : for a category, its row in `goes_left`, else -1
    missing_left : whether missing values go left
    below_left, below_right : the nodes below
    value : log-odds, in a leaf
    """

    feature: NDArray[np.int64]
    threshold: Array
    goes_left: NDArray[np.bool_]
    row: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    below_left: NDArray[np.int64]
    below_right: NDArray[np.int64]
    value: Array

    def decisions(self, matrix: Array, unknown: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """For each node whether each customer goes left there; of arrays features x customers."""
        found = []
        for i, feature in enumerate(self.feature):
            if feature < 0:
                found.append(np.zeros(0, dtype=bool))
                continue
            values, missing = matrix[feature], unknown[feature]
            if self.row[i] >= 0:
                left = self.goes_left[self.row[i]][np.where(missing, 0, values).astype(np.intp)] & ~missing
            else:
                left = values <= self.threshold[i]  # never true of NaN
            found.append(left | missing if self.missing_left[i] else left)
        return found

    def leaves(self) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
        """Each leaf with its way: (node, whether it goes left there)."""
        stack: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
        while stack:
            node, way = stack.pop()
            if self.feature[node] < 0:
                yield node, way
                continue
            stack.append((int(self.below_right[node]), [*way, (node, False)]))
            stack.append((int(self.below_left[node]), [*way, (node, True)]))

    def agreeing(
        self, way: list[tuple[int, bool]], decisions: list[NDArray[np.bool_]]
    ) -> dict[int, NDArray[np.bool_]]:
        """For each feature on the way to a leaf whether each customer agrees with all its decisions there."""
        found: dict[int, NDArray[np.bool_]] = {}
        for node, left in way:
            agrees = decisions[node] if left else ~decisions[node]
            feature = int(self.feature[node])
            found[feature] = found[feature] & agrees if feature in found else agrees
        return found


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees whose leaves are summed.

    start : log-odds before the first tree
    trees : in the order they were grown
    tables : for each tree and leaf, Shapley values by pattern and feature (2^k x k), against the background
    base : mean log-odds of the background
    size : features of the matrix
    """

    start: float
    trees: tuple[Tree, ...]
    tables: tuple[tuple[Array, ...], ...]
    base: float
    size: int

    def log_odds(self, matrix: Array) -> Array:
        """Log-odds of leaving."""
        out = np.full(len(matrix), self.start)
        for rows, values, unknown in _batches(matrix):
            for tree in self.trees:
                decisions = tree.decisions(values, unknown)
                out[rows] += _descend(tree, 0, decisions)
        return out

    def contributions(self, matrix: Array) -> Array:
        """Interventional Shapley values of the log-odds; they sum to it from `base`."""
        out = np.zeros((self.size, len(matrix)))
        for rows, values, unknown in _batches(matrix):
            for tree, tables in zip(self.trees, self.tables, strict=True):
                decisions = tree.decisions(values, unknown)
                for (_, way), table in zip(tree.leaves(), tables, strict=True):
                    agreeing = tree.agreeing(way, decisions)
                    found = table[_pattern(list(agreeing.values()))]
                    for place, feature in enumerate(agreeing):
                        out[feature, rows] += found[:, place]
        return out.T


def fit_forest(model: HistGradientBoostingClassifier, matrix: Array, weight: Array) -> Forest:
    """A fitted classifier as a forest, with the customers of the matrix as background.

    The matrix must have its categories first, coded 0, 1, .. without gaps: scikit-learn re-orders and
    re-codes them otherwise.
    """
    trees = tuple(_tree(predictors[0]) for predictors in model._predictors)
    tables: list[list[Array]] = [[np.zeros((1, 0)) for _ in tree.leaves()] for tree in trees]
    counts: list[list[Array]] = [[np.zeros(0) for _ in tree.leaves()] for tree in trees]
    for rows, values, unknown in _batches(matrix):
        for t, tree in enumerate(trees):
            decisions = tree.decisions(values, unknown)
            for j, (_, way) in enumerate(tree.leaves()):
                agreeing = list(tree.agreeing(way, decisions).values())
                pattern = _pattern(agreeing, len(weight[rows]))
                seen = np.bincount(pattern, weight[rows], 2 ** len(agreeing)).astype(np.float64)
                counts[t][j] = counts[t][j] + seen if len(counts[t][j]) else seen
    for t, tree in enumerate(trees):
        for j, (leaf, _) in enumerate(tree.leaves()):
            tables[t][j] = _shapley(counts[t][j] / weight.sum()) * tree.value[leaf]
    start = float(model._baseline_prediction[0, 0])
    grown = Forest(start, trees, tuple(tuple(x) for x in tables), 0.0, matrix.shape[1])
    base = float(np.average(grown.log_odds(matrix), weights=weight))
    return Forest(start, trees, grown.tables, base, matrix.shape[1])


def _shapley(background: Array) -> Array:
    """Shapley values of "every feature agrees" by a customer's pattern, against a share of each pattern.

    A feature that agrees in the customer and not in the background customer brings the leaf within reach;
    one the other way round takes it away; one that agrees in neither makes it unreachable.
    """
    size = len(background).bit_length() - 1
    out = np.zeros((len(background), size))
    every = len(background) - 1
    for own in range(len(background)):
        for other in range(len(background)):
            if background[other] == 0 or own | other != every:
                continue
            gained, lost = own & ~other, other & ~own
            a, b = gained.bit_count(), lost.bit_count()
            for place in range(size):
                if gained >> place & 1:
                    out[own, place] += background[other] * _weight(a - 1, b)
                elif lost >> place & 1:
                    out[own, place] -= background[other] * _weight(a, b - 1)
    return out


def _weight(before: int, after: int) -> float:
    return factorial(before) * factorial(after) / factorial(before + after + 1)


def _pattern(agreeing: list[NDArray[np.bool_]], n: int | None = None) -> NDArray[np.intp]:
    found = np.zeros(len(agreeing[0]) if agreeing else n or 0, dtype=np.uint8)
    for place, agrees in enumerate(agreeing):
        found |= agrees.view(np.uint8) << np.uint8(place)
    return found.astype(np.intp)


def _descend(tree: Tree, node: int, decisions: list[NDArray[np.bool_]]) -> Array | np.float64:
    if tree.feature[node] < 0:
        return tree.value[node]
    left = _descend(tree, int(tree.below_left[node]), decisions)
    right = _descend(tree, int(tree.below_right[node]), decisions)
    return np.where(decisions[node], left, right)


def _batches(matrix: Array) -> Iterator[tuple[slice, Array, NDArray[np.bool_]]]:
    """Rows, features x customers, and which are missing."""
    for start in range(0, len(matrix), BATCH):
        rows = slice(start, start + BATCH)
        values = np.ascontiguousarray(matrix[rows].T)
        yield rows, values, np.isnan(values)


def _tree(predictor: object) -> Tree:
    nodes = predictor.nodes  # type: ignore[attr-defined]
    leaf = nodes["is_leaf"].astype(bool)
    category = nodes["is_categorical"].astype(bool) & ~leaf
    sets = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][category]]  # type: ignore[attr-defined]
    bits = (sets[:, :, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    row = np.full(len(nodes), -1, dtype=np.int64)
    row[category] = np.arange(category.sum())
    return Tree(
        feature=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        goes_left=bits.reshape(len(sets), 256).astype(bool),
        row=row,
        missing_left=nodes["missing_go_to_left"].astype(bool),
        below_left=nodes["left"].astype(np.int64),
        below_right=nodes["right"].astype(np.int64),
        value=np.where(leaf, nodes["value"], 0.0),
    )
