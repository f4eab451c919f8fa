"""Cross-fitting: for each of five folds of patients, models and predictions that were made without them.

For fold k two kinds of predictions are needed: of its own patients, by models of the other four folds; and of the others,
to fit calibrations and fusion on, by models that have seen neither them nor fold k: trained without a pair of folds.
"""

import time
from itertools import combinations

import numpy as np

from . import data, logistic, measures, trees

DROPOUT_COPIES = 3
SMALLEST_SLOPE = 0.05


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def hash_side(patient):
    """Which half of the patients one belongs to, for the intervals."""
    return sum(patient.encode()) % 2


class CrossFit:
    def __init__(self, study, tables, y, fold):
        self.study, self.tables, self.y, self.fold = study, tables, y, fold
        self.hours = tables[0].frame["as_of_hours"].to_numpy()
        self.trained = np.isin(self.hours, study.times)
        self.present = np.column_stack([t.present for t in tables])
        self.ages = np.column_stack([t.age for t in tables])
        self.prior = float(y.mean().round(4))
        self.models, self.raw, self.inner = {}, {}, {}
        self.half_models, self.half_raw = {}, {}
        for table in tables:
            self._fit(table.modality, table.x, table.present, table.features)
            self._halves(table)
        for name in study.rivals:
            x, names = data.combine(tables), data.early_names(tables)
            self._fit(name, x, self.present.any(axis=1), names)

    def _train(self, name, x, rows, names):
        y = self.y[rows]
        block = x[rows]
        if name == "early-dropout":
            block, y = self._with_dropout(x, rows), np.tile(y, DROPOUT_COPIES)
        return trees.train(block, y, names, self.study.rounds[name], self.study.recipe)

    def _with_dropout(self, x, rows):
        """The rows as they are, and copies with each modality dropped half of the time, never all of them."""
        random = np.random.default_rng(5)
        present, blocks = self.present[rows], [x[rows]]
        for _ in range(DROPOUT_COPIES - 1):
            keep = present & (random.random(present.shape) < 0.5)
            empty = ~keep.any(axis=1)
            keep[empty] = present[empty]
            wide = np.repeat(keep, [len(t.features) + 1 for t in self.tables], axis=1)
            blocks.append(np.where(wide, x[rows], np.nan))
        return np.vstack(blocks)

    def _fit(self, name, x, present, names):
        raw = np.full(len(self.y), np.nan)
        inner = [np.full(len(self.y), np.nan) for _ in range(data.FOLDS)]
        models = []
        for k in range(data.FOLDS):
            rows = np.flatnonzero((self.fold != k) & present & self.trained)
            models.append(self._train(name, x, rows, names))
            own = (self.fold == k) & present
            raw[own] = trees.margins(models[k], x[own])
        for j, k in combinations(range(data.FOLDS), 2):
            rows = np.flatnonzero((self.fold != j) & (self.fold != k) & present & self.trained)
            model = self._train(name, x, rows, names)
            for a, b in ((j, k), (k, j)):
                of_a = (self.fold == a) & present & self.trained
                inner[b][of_a] = trees.margins(model, x[of_a])
        self.models[name], self.raw[name], self.inner[name] = models, raw, inner
        for hours in self.study.times:
            rows = (self.hours == hours) & ~np.isnan(raw)
            say(f"{name} as of {hours:.0f} h: AUROC {measures.auroc(raw[rows], self.y[rows]):.4f}, "
                f"AUPRC {measures.auprc(raw[rows], self.y[rows]):.4f}, score 1 {measures.score_one(raw[rows], self.y[rows]):.3f}")

    def _halves(self, table):
        """Small models of one half of the patients outside each fold: how far two models disagree makes the interval."""
        side = np.array([hash_side(p) for p in table.frame["patient"]])
        raw = [np.full(len(self.y), np.nan) for _ in (0, 1)]
        models = []
        for k in range(data.FOLDS):
            own = (self.fold == k) & table.present
            models.append([])
            for h in (0, 1):
                rows = (self.fold != k) & table.present & (side == h) & (self.hours == self.study.main)
                model = trees.train(table.x[rows], self.y[rows], table.features,
                                    self.study.rounds[table.modality] // 2, self.study.recipe)
                raw[h][own] = trees.margins(model, table.x[own])
                models[k].append(model)
        self.half_models[table.modality], self.half_raw[table.modality] = models, raw

    def without(self, name, k):
        """[rows] predictions to fit on for fold k; NaN for its own patients. k None: out of fold, of every patient."""
        return self.raw[name] if k is None else self.inner[name][k]

    def platt(self, name, k):
        """(slope, intercept) from every fold but k; from all of them with k None."""
        return self._line(self.without(name, k), k)

    def platt_of_half(self, modality, h, k):
        return self._line(self.half_raw[modality][h], k)

    def _line(self, raw, k):
        rows = self.trained & ~np.isnan(raw) & (self.fold != (-1 if k is None else k))
        # A little ridge towards the identity: nothing with thousands of rows, a support where a modality is rare.
        intercept, slope = logistic.fit(raw[rows][:, None], self.y[rows], towards=[0.0, 1.0], ridge=0.1)
        if slope < SMALLEST_SLOPE:
            # A model without any signal gets nearly one risk for all: the rate among those who have the modality.
            slope = SMALLEST_SLOPE
            intercept = logistic.intercept(slope * raw[rows], self.y[rows])
        return float(slope), float(intercept)

    def calibrated(self, k):
        """[rows x modalities] calibrated log-odds to fit fusion on, for fold k."""
        lines = [(self.platt(t.modality, k), self.without(t.modality, k)) for t in self.tables]
        return np.column_stack([slope * raw + intercept for (slope, intercept), raw in lines])

    def calibrated_half(self, h, k):
        lines = [(self.platt_of_half(t.modality, h, k), self.half_raw[t.modality][h]) for t in self.tables]
        return np.column_stack([slope * raw + intercept for (slope, intercept), raw in lines])

    def judged(self, name):
        """[rows] risk of each patient by model and calibration made without it."""
        risk = np.full(len(self.y), np.nan)
        for k in range(data.FOLDS):
            slope, intercept = self.platt(name, k)
            own = self.fold == k
            risk[own] = measures.sigmoid(slope * self.raw[name][own] + intercept)
        return risk
