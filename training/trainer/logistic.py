"""Logistic regression by Newton's method, with a ridge towards a given point: enough for calibration and stacking."""

import numpy as np


def fit(x, y, towards=None, ridge=0.0, weight=None, steps=50):
    """Coefficients (intercept first) of the log-odds of y on the columns of x.

    `ridge` pulls every coefficient towards `towards` (zero without it); it is in units of observations' curvature.
    """
    design = np.column_stack([np.ones(len(y)), x])
    center = np.zeros(design.shape[1]) if towards is None else np.asarray(towards, dtype=float)
    at = center.copy()
    weight = np.ones(len(y)) if weight is None else weight
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-(design @ at)))
        gradient = design.T @ (weight * (p - y)) + ridge * (at - center)
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design
        hessian += (ridge + 1e-9) * np.eye(len(at))
        step = np.linalg.solve(hessian, gradient)
        at = at - step
        if np.abs(step).max() < 1e-10:
            break
    return at


def intercept(offset, y, steps=50):
    """What must be added to the log-odds `offset` so that their mean risk is the event rate."""
    at = 0.0
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-(offset + at)))
        at -= (p - y).sum() / (p * (1 - p)).sum()
    return at
