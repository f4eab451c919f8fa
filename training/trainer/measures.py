"""Discrimination and calibration, as the Rust side measures them (`src/evaluate`)."""

import numpy as np

FLOOR = 1e-6


def logit(p):
    p = np.clip(p, FLOOR, 1 - FLOOR)
    return np.log(p / (1 - p))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.asarray(x, dtype=float)))


def auroc(score, event):
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2.0)[inverse]
    positives = event.sum()
    negatives = len(event) - positives
    return (ranks[event == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def auprc(score, event):
    order = np.argsort(-score, kind="stable")
    score, event = score[order], event[order]
    hits = np.cumsum(event)
    last = np.r_[score[1:] != score[:-1], True]
    at = np.flatnonzero(last)
    gained = np.diff(np.r_[0, hits[at]])
    return float((gained * hits[at] / (at + 1)).sum() / event.sum())


def brier(risk, event):
    return float(((risk - event) ** 2).mean())


def log_loss(risk, event):
    p = np.clip(risk, FLOOR, 1 - FLOOR)
    return float(-(event * np.log(p) + (1 - event) * np.log(1 - p)).mean())


def calibration_error(risk, event, bins=10):
    """Mean distance between risk and event rate over bins of equal mass."""
    order = np.argsort(risk, kind="stable")
    parts = zip(np.array_split(risk[order], bins), np.array_split(event[order], bins))
    return float(sum(len(r) * abs(r.mean() - e.mean()) for r, e in parts if len(r)) / len(risk))


def score_one(risk, event):
    """The best min(sensitivity, positive predictivity) over thresholds: CinC 2012, event 1."""
    order = np.argsort(-risk, kind="stable")
    hits = np.cumsum(event[order])
    return float((hits / np.maximum(event.sum(), np.arange(1, len(event) + 1))).max())


def bootstrap(measure, *columns, rounds=500, seed=7):
    """95 % percentile interval over patients, one row each."""
    random = np.random.default_rng(seed)
    n = len(columns[0])
    values = []
    for _ in range(rounds):
        rows = random.integers(0, n, n)
        values.append(measure(*(column[rows] for column in columns)))
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]
