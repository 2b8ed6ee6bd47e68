# SPDX-License-Identifier: Apache-2.0
"""How far each point stands apart from the others: the random cut forest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

# Many levels have few parts: rounds share NumPy's overhead as far as their points fit into the cache.
_ROUNDS_AT_ONCE = 6


def cut_forest_scores(
    points: ArrayLike, rng: np.random.Generator, *, rounds: int = 12, most: int = 256, coordinates: int = 64
) -> Floats:
    """Score points by the mean collusive displacement in trees of random cuts.

    Parameters
    ----------
    points : array_like of float, shape (n, d)
        At least one, finite, each coordinate in a unit that makes it comparable with the others.
    rng : numpy.random.Generator
        Draws the trees.
    rounds : int
        Trees that hold a given point: each round parts all points at random into trees of at most `most`.
    most, coordinates : int
        Points of a tree, and coordinates that are cut in one round, drawn at random: bounds on the time it takes.

    Returns
    -------
    ndarray of float64, shape (n,)
        The higher, the further apart: near the size of a tree for an outlier that almost any cut sets apart.

    Notes
    -----
    **Method.** A tree cuts the box around its points at random, along a coordinate chosen in proportion to the box's
    sides, then each part in turn. A point's displacement is the largest ratio, over all parts that hold it, of the
    points cut off to those in the part: few outliers that came together do not hide each other. Every point has the
    same chances, so without a change the newest is as likely as any to have the highest score.

    References
    ----------
    .. [1] Guha, Mishra, Roy, Schrijvers (2016), Robust random cut forest based anomaly detection on streams, ICML,
       PMLR 48, 2712-2721: definitions 1 and 3.

    Examples
    --------
    >>> points = np.vstack((np.random.default_rng(0).normal(size=(50, 3)), [[9.0, 9.0, 9.0]]))
    >>> int(np.argmax(cut_forest_scores(points, np.random.default_rng(1))))
    50
    """
    columns = np.ascontiguousarray(np.asarray(points, float).T)
    d, n = columns.shape
    roots = np.linspace(0, n, math.ceil(n / most), endpoint=False).astype(np.intp)
    scores = np.zeros(n)
    for begun in range(0, rounds, _ROUNDS_AT_ONCE):
        orders = [rng.permutation(n) for _ in range(begun, min(begun + _ROUNDS_AT_ONCE, rounds))]
        cuts = [rng.choice(d, min(d, coordinates), replace=False) for _ in orders]
        drawn = [columns[cut].take(order, axis=1) for order, cut in zip(orders, cuts, strict=True)]
        starts = np.concatenate([roots + i * n for i in range(len(orders))])
        displacements = _displacements(np.concatenate(drawn, axis=1), starts, rng).reshape(-1, n)
        for order, of_round in zip(orders, displacements, strict=True):
            scores[order] += of_round
    return scores / rounds


def _displacements(columns: Floats, starts: Indices, rng: np.random.Generator) -> Floats:
    """Cut trees level by level; gives the largest ratio that each point met.

    Parameters
    ----------
    columns : ndarray of float64, shape (d, n)
        The points of each tree, one tree after the other: contiguous along points, as boxes are taken over them.
    starts : ndarray of int, shape (trees,)
        Where each begins.
    """
    largest = np.zeros(columns.shape[1])
    entries = np.arange(columns.shape[1])
    while len(entries):
        points = columns.take(entries, axis=1)
        parts = np.arange(len(starts))
        sizes = np.append(starts[1:], len(entries)) - starts
        part = np.repeat(parts, sizes)
        low = np.minimum.reduceat(points, starts, axis=1)
        sides = np.maximum.reduceat(points, starts, axis=1) - low
        reach = np.cumsum(sides, axis=0)
        along = (reach[:-1] <= rng.random(len(starts)) * reach[-1]).sum(0)
        cut = low[along, parts] + rng.random(len(starts)) * sides[along, parts]
        above = points[along[part], np.arange(len(entries))] > cut[part]
        right = np.add.reduceat(above, starts, dtype=np.intp)[part]
        cut_off = np.where(above, sizes[part] - right, right)
        mine = sizes[part] - cut_off
        largest[entries] = np.maximum(largest[entries], cut_off / mine)
        # What is left to cut: parts that are not all the same, where a point cut off alone would meet a larger ratio.
        child = 2 * part + above
        least = np.full(2 * len(starts), np.inf)
        np.minimum.at(least, child, largest[entries])
        kept = (least[child] < mine - 1) & (reach[-1, part] > 0)
        child = child[kept]
        arranged = np.argsort(child, kind="stable")
        entries = entries[kept][arranged]
        child = child[arranged]
        starts = np.flatnonzero(np.append(True, child[1:] != child[:-1]))
    return largest
