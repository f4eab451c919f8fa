"""Parameters of the fusion methods, fitted on out-of-fold predictions of the modalities' models.

Everything here mirrors `src/fuse/methods`: the same formulas, so that the text written is what was fitted.
"""

from itertools import combinations

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize

from . import logistic
from .measures import logit

SMALLEST_SLOPE = 0.02
RARE = 200  # a pattern's own rows count as much as so many of the common line


def patterns(count):
    """Every set of two or more modalities, as tuples of their places."""
    return [s for n in range(2, count + 1) for s in combinations(range(count), n)]


def masks_for(present, random, copies=4):
    """Copies of the rows with modalities taken away, so that every pattern is seen: the first copy is complete."""
    out = [present]
    for _ in range(copies - 1):
        keep = present & (random.random(present.shape) < 0.6)
        empty = ~keep.any(axis=1)
        keep[empty] = present[empty]
        out.append(keep)
    return out


class Stack:
    name = "stack"

    def __init__(self, modalities, prior, ridge=1.0):
        self.modalities, self.prior, self.ridge, self.lines = modalities, prior, ridge, {}

    def fit(self, log_odds, ages, present, y, random):
        l0 = logit(self.prior)
        rows, where, events = [], [], []
        for mask in masks_for(present, random):
            rows.append(np.where(mask, log_odds - l0, 0.0))
            where.append(mask)
            events.append(y)
        x, mask, events = np.vstack(rows), np.vstack(where), np.concatenate(events)
        several = mask.sum(axis=1) >= 2
        # Towards slopes between the average and the sum: what holds them where there are few events.
        start = np.r_[l0, np.full(x.shape[1], 0.7)] if self.ridge > 1.0 else None
        common = logistic.fit(x[several], events[several], towards=start, ridge=self.ridge)
        for pattern in patterns(len(self.modalities)):
            own = np.all(mask == [i in pattern for i in range(mask.shape[1])], axis=1)
            center = np.r_[common[0], common[1:][list(pattern)]]
            line = center
            if own.sum() > 50:
                fitted = logistic.fit(x[own][:, list(pattern)], events[own], towards=center, ridge=self.ridge)
                share = own.sum() / (own.sum() + RARE)
                line = share * fitted + (1 - share) * center
            slopes = np.maximum(line[1:], SMALLEST_SLOPE)
            self.lines[pattern] = (line[0] - l0 * slopes.sum(), slopes)
        return self

    def predict(self, log_odds, ages, present):
        """Fused log-odds; NaN where nothing is present."""
        out = np.full(len(log_odds), np.nan)
        for i in range(len(self.modalities)):
            alone = present[:, i] & (present.sum(axis=1) == 1)
            out[alone] = log_odds[alone, i]
        for pattern, (intercept, slopes) in self.lines.items():
            own = np.all(present == [i in pattern for i in range(present.shape[1])], axis=1)
            out[own] = intercept + log_odds[own][:, list(pattern)] @ slopes
        return out

    def text(self, widths):
        lines = [f'name = "{self.name}"', f"prior = {self.prior!r}"]
        for pattern, width in widths.items():
            lines.append(f'[method.pattern."{"+".join(self.modalities[i] for i in pattern)}"]')
            lines.append(f"half_width = {width:.6f}")
            if pattern in self.lines:
                intercept, slopes = self.lines[pattern]
                lines.append(f"intercept = {float(intercept)!r}")
                lines += [f"{self.modalities[i]} = {float(s)!r}" for i, s in zip(pattern, slopes)]
        return "\n".join(lines) + "\n"


class Attention:
    name = "attention"

    def __init__(self, modalities, prior, ridge=1.0):
        self.modalities, self.prior = modalities, prior
        self.keys, self.gains = np.zeros((len(modalities), 3)), {}

    def _pooled(self, keys, away, ages, present):
        """Mean distance from the prior under the shares of the keys."""
        energy = keys[:, 0] - keys[:, 1] * np.nan_to_num(ages) / 3600.0 + keys[:, 2] * np.abs(away)
        energy = np.where(present, energy, -np.inf)
        energy = np.maximum(energy - energy.max(axis=1, keepdims=True), -50.0)
        share = np.where(present, np.exp(energy), 0.0)
        share = share / share.sum(axis=1, keepdims=True)
        return (share * np.where(present, away, 0.0)).sum(axis=1)

    def fit(self, log_odds, ages, present, y, random):
        l0 = logit(self.prior)
        copies = masks_for(present, random)
        mask = np.vstack(copies)
        away = np.vstack([np.where(m, log_odds - l0, 0.0) for m in copies])
        age, events = np.vstack([ages] * len(copies)), np.concatenate([y] * len(copies))
        several = mask.sum(axis=1) >= 2
        mask, away, age, events = mask[several], away[several], age[several], events[several]
        kinds = patterns(len(self.modalities))
        own = [np.all(mask == [i in p for i in range(mask.shape[1])], axis=1) for p in kinds]
        count = len(self.modalities)

        def unpack(at):
            return at[: 3 * count].reshape(count, 3) * [1.0, 0.05, 1.0], at[3 * count :].reshape(len(kinds), 2)

        def loss(at):
            keys, gains = unpack(at)
            pooled = self._pooled(keys, away, age, mask)
            z = np.zeros(len(pooled))
            for rows, (intercept, gain) in zip(own, gains):
                z[rows] = l0 + intercept + gain * pooled[rows]
            return np.mean(np.logaddexp(0, z) - events * z) + 1e-4 * (at[: 3 * count] ** 2).sum()

        start = np.r_[np.zeros(3 * count), np.tile([0.0, 1.3], len(kinds))]
        self.keys, gains = unpack(minimize(loss, start, method="L-BFGS-B", options={"maxiter": 60}).x)
        self.gains = {p: (float(i), float(max(g, 0.05))) for p, (i, g) in zip(kinds, gains)}
        return self

    def predict(self, log_odds, ages, present):
        l0 = logit(self.prior)
        away = np.where(present, log_odds - l0, 0.0)
        some = present.any(axis=1)
        out = np.full(len(log_odds), np.nan)
        out[some] = l0 + self._pooled(self.keys, away[some], ages[some], present[some])
        pooled = out - l0
        for pattern, (intercept, gain) in self.gains.items():
            own = np.all(present == [i in pattern for i in range(present.shape[1])], axis=1)
            out[own] = l0 + intercept + gain * pooled[own]
        return out

    def text(self, widths):
        lines = [f'name = "{self.name}"', f"prior = {self.prior!r}"]
        for name, (bias, ageing, confidence) in zip(self.modalities, self.keys):
            lines += [f"[method.key.{name}]", f"bias = {float(bias)!r}"]
            lines += [f"ageing = {float(ageing)!r}", f"confidence = {float(confidence)!r}"]
        for pattern, width in widths.items():
            lines.append(f'[method.pattern."{"+".join(self.modalities[i] for i in pattern)}"]')
            lines.append(f"half_width = {width:.6f}")
            if pattern in self.gains:
                intercept, gain = self.gains[pattern]
                lines += [f"intercept = {intercept!r}", f"gain = {gain!r}"]
        return "\n".join(lines) + "\n"


class Boosted:
    name = "boosted"

    def __init__(self, modalities, prior, ridge=1.0):
        self.modalities, self.prior, self.model, self.gains = modalities, prior, None, {}

    def _rows(self, log_odds, ages, present):
        x = np.where(present, log_odds, np.nan)
        hours = np.where(present, ages / 3600.0, np.nan)
        return np.column_stack([c for i in range(x.shape[1]) for c in (x[:, i], hours[:, i], present[:, i])])

    def fit(self, log_odds, ages, present, y, random):
        copies = masks_for(present, random)
        x = np.vstack([self._rows(log_odds, ages, m) for m in copies])
        events, mask = np.concatenate([y] * len(copies)), np.vstack(copies)
        names = [f"{m}_{e}" for m in self.modalities for e in ("log_odds", "age_hours", "present")]
        recipe = {
            "objective": "binary", "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 200,
            "lambda_l2": 10.0, "num_threads": 1, "seed": 3, "deterministic": True, "force_col_wise": True,
            "monotone_constraints": [1, 0, 0] * len(self.modalities), "verbose": -1, "max_bin": 127,
        }
        self.model = lgb.train(recipe, lgb.Dataset(x, events, feature_name=names), 90)
        l0 = logit(self.prior)
        away = self.model.predict(x, raw_score=True) - l0
        for pattern in patterns(len(self.modalities)):
            own = np.all(mask == [i in pattern for i in range(mask.shape[1])], axis=1)
            intercept, gain = 0.0, 1.0
            if own.sum() > 500:
                line = logistic.fit(away[own][:, None], events[own], towards=[l0, 1.0], ridge=1.0)
                intercept, gain = float(line[0] - l0), float(max(line[1], 0.05))
            self.gains[pattern] = (intercept, gain)
        return self

    def predict(self, log_odds, ages, present):
        l0 = logit(self.prior)
        out = np.full(len(log_odds), np.nan)
        raw = self.model.predict(self._rows(log_odds, ages, present), raw_score=True)
        for i in range(len(self.modalities)):
            alone = present[:, i] & (present.sum(axis=1) == 1)
            out[alone] = log_odds[alone, i]
        for pattern, (intercept, gain) in self.gains.items():
            own = np.all(present == [i in pattern for i in range(present.shape[1])], axis=1)
            out[own] = l0 + intercept + gain * (raw[own] - l0)
        return out

    def text(self, widths):
        lines = [f'name = "{self.name}"', f"prior = {self.prior!r}", "trees = '''", self.model.model_to_string() + "'''"]
        for pattern, width in widths.items():
            lines.append(f'[method.pattern."{"+".join(self.modalities[i] for i in pattern)}"]')
            lines.append(f"half_width = {width:.6f}")
            if pattern in self.gains:
                intercept, gain = self.gains[pattern]
                lines += [f"intercept = {intercept!r}", f"gain = {gain!r}"]
        return "\n".join(lines) + "\n"


METHODS = [Stack, Attention, Boosted]
