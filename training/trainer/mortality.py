"""In-hospital death on cinc2012: cross-fitted late models, early rivals and fusion parameters.

For each of five folds everything (models, calibrations, fusion parameters) is made without the fold's patients, and
written to `work/cinc2012/fold-K/`; `latefusion evaluate --folds` scores each fold's patients with it.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from . import data, fusion, logistic, measures, trees

TIMES = [24.0, 48.0]
ROUNDS = {"vitals": 260, "labs": 260, "early": 300, "early-dropout": 400, "imaging": 60}
DROPOUT_COPIES = 3


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def dropout(tables, rows, random):
    """The rows as they are, and copies with each modality dropped half of the time, never all of them."""
    present = np.column_stack([t.present for t in tables])[rows]
    masks = [present]
    for _ in range(DROPOUT_COPIES - 1):
        keep = present & (random.random(present.shape) < 0.5)
        empty = ~keep.any(axis=1)
        keep[empty] = present[empty]
        masks.append(keep)
    return masks


class CrossFit:
    """Models of every fold; log-odds of every row by the model that has not seen its patient."""

    def __init__(self, tables, y, fold):
        self.tables, self.y, self.fold = tables, y, fold
        self.hours = tables[0].frame["as_of_hours"].to_numpy()
        self.trained = np.isin(self.hours, TIMES)
        self.models, self.raw = {}, {}
        self.halves = {}

    def late(self, table):
        raw = np.full(len(self.y), np.nan)
        half = [np.full(len(self.y), np.nan), np.full(len(self.y), np.nan)]
        side = np.array([hash_side(p) for p in table.frame["patient"]])
        models = []
        for k in range(data.FOLDS):
            train = (self.fold != k) & table.present & self.trained
            test = (self.fold == k) & table.present
            model = trees.train(table.x[train], self.y[train], table.features, ROUNDS[table.modality])
            raw[test] = trees.margins(model, table.x[test])
            models.append(model)
            for h in (0, 1):
                part = train & (side == h) & (self.hours == 48.0)
                small = trees.train(table.x[part], self.y[part], table.features, ROUNDS[table.modality] // 2)
                half[h][test] = trees.margins(small, table.x[test])
        self.models[table.modality], self.raw[table.modality] = models, raw
        self.halves[table.modality] = half
        self.report(table.modality)

    def early(self, name):
        raw = np.full(len(self.y), np.nan)
        names, models = data.early_names(self.tables), []
        some = np.column_stack([t.present for t in self.tables]).any(axis=1)
        random = np.random.default_rng(5)
        for k in range(data.FOLDS):
            train = np.flatnonzero((self.fold != k) & some & self.trained)
            x, y = data.combine(self.tables)[train], self.y[train]
            if name == "early-dropout":
                blocks = []
                for mask in dropout(self.tables, train, random):
                    wide = np.repeat(mask, [len(t.features) + 1 for t in self.tables], axis=1)
                    blocks.append(np.where(wide, x, np.nan))
                x, y = np.vstack(blocks), np.tile(y, DROPOUT_COPIES)
            models.append(trees.train(x, y, names, ROUNDS[name]))
            test = (self.fold == k) & some
            raw[test] = trees.margins(models[-1], data.combine(self.tables)[test])
        self.models[name], self.raw[name] = models, raw
        self.report(name)

    def report(self, name):
        for hours in (24.0, 48.0):
            rows = (self.hours == hours) & ~np.isnan(self.raw[name])
            score, y = self.raw[name][rows], self.y[rows]
            say(f"{name} as of {hours:.0f} h: AUROC {measures.auroc(score, y):.4f}, "
                f"AUPRC {measures.auprc(score, y):.4f}, score 1 {measures.score_one(score, y):.3f}")

    def platt(self, name, k, raw=None):
        """(slope, intercept) from every fold but k; from all of them with k None."""
        raw = self.raw[name] if raw is None else raw
        rows = self.trained & ~np.isnan(raw) & (self.fold != (-1 if k is None else k))
        intercept, slope = logistic.fit(raw[rows][:, None], self.y[rows], towards=[0.0, 1.0], ridge=1e-6)
        return float(slope), float(intercept)

    def calibrated(self, k, raws=None):
        """[rows x modalities] calibrated log-odds by maps fitted without fold k."""
        columns = []
        for t in self.tables:
            raw = self.raw[t.modality] if raws is None else raws[t.modality]
            slope, intercept = self.platt(t.modality, k, raw)
            columns.append(slope * raw + intercept)
        return np.column_stack(columns)


def hash_side(patient):
    """Which half of the patients one belongs to, for the intervals."""
    return sum(patient.encode()) % 2


def fit_fusion(fit, k, method, prior):
    """A method's parameters from every fold but k, and its interval's half widths."""
    ages = np.column_stack([t.age for t in fit.tables])
    present = np.column_stack([t.present for t in fit.tables])
    log_odds = fit.calibrated(k)
    rows = fit.trained & present.any(axis=1) & (fit.fold != (-1 if k is None else k))
    made = method([t.modality for t in fit.tables], prior)
    made.fit(log_odds[rows], ages[rows], present[rows], fit.y[rows], np.random.default_rng(9))
    return made


def half_widths(fit, k, method, level=0.95):
    """For each pattern the distance, in fused log-odds, within which `level` of the patients' complete-evidence risk by
    models trained on other patients lies; and how many of fold k's patients it holds for."""
    ages = np.column_stack([t.age for t in fit.tables])
    complete = np.column_stack([t.present for t in fit.tables])
    by = [fit.calibrated(k, {t.modality: fit.halves[t.modality][h] for t in fit.tables}) for h in (0, 1)]
    rows = (fit.hours == 48.0) & complete.all(axis=1)
    reference = method.predict(by[0], ages, complete)
    widths, covered = {}, {}
    count = len(fit.tables)
    for pattern in [(i,) for i in range(count)] + fusion.patterns(count):
        mask = complete & np.array([i in pattern for i in range(count)])
        away = np.abs(method.predict(by[1], ages, mask) - reference)
        known = rows & ~np.isnan(away)
        widths[pattern] = float(np.quantile(away[known & (fit.fold != (-1 if k is None else k))], level))
    for pattern in sorted(widths, key=len, reverse=True):
        wider = [w for p, w in widths.items() if set(pattern) < set(p)]
        widths[pattern] = max([widths[pattern], *wider])
    for pattern in widths:
        mask = complete & np.array([i in pattern for i in range(count)])
        away = np.abs(method.predict(by[1], ages, mask) - reference)
        test = rows & ~np.isnan(away) & (fit.fold == (0 if k is None else k))
        covered[pattern] = (int((away[test] <= widths[pattern]).sum()), int(test.sum()))
    return widths, covered


def write_fold(folder, fit, k, prior):
    folder.mkdir(parents=True, exist_ok=True)
    patients = fit.tables[0].frame["patient"][fit.fold == k].unique()
    (folder / "patients.txt").write_text("\n".join(patients) + "\n")
    lines, coverage = [f'patients = "patients.txt"'], {}
    for t in fit.tables:
        (folder / f"{t.modality}.txt").write_text(fit.models[t.modality][k].model_to_string())
        (folder / f"{t.modality}.features").write_text("\n".join(t.features) + "\n")
        slope, intercept = fit.platt(t.modality, k)
        lines += ["[[late]]", f'modality = "{t.modality}"', f'model = "{t.modality}.txt"',
                  f'features = "{t.modality}.features"', f"slope = {slope!r}", f"intercept = {intercept!r}"]
    for name in ("early", "early-dropout"):
        (folder / f"{name}.txt").write_text(fit.models[name][k].model_to_string())
        slope, intercept = fit.platt(name, k)
        lines += ["[[early]]", f'name = "{name}"', f'model = "{name}.txt"',
                  f"slope = {slope!r}", f"intercept = {intercept!r}"]
    for method in fusion.METHODS:
        made = fit_fusion(fit, k, method, prior)
        widths, covered = half_widths(fit, k, made)
        (folder / f"{method.name}.toml").write_text("[method]\n" + made.text(widths))
        lines += ["[[fusion]]", f'name = "{method.name}"', f'method = "{method.name}.toml"']
        names = {p: "+".join(fit.tables[i].modality for i in p) for p in covered}
        coverage[method.name] = {names[p]: c for p, c in covered.items()}
    (folder / "fold.toml").write_text("\n".join(lines) + "\n")
    return coverage


def load(work, modalities):
    tables = [data.read(work / f"cinc2012-{m}.parquet", m) for m in modalities]
    y = tables[0].frame["outcome_died_in_hospital"].astype(int).to_numpy()
    return tables, y, data.folds(tables[0].frame["patient"].to_numpy(), y)


def main(work):
    tables, y, fold = load(work, ["vitals", "labs"])
    prior = float(y.mean().round(4))
    fit = CrossFit(tables, y, fold)
    for table in tables:
        fit.late(table)
    for name in ("early", "early-dropout"):
        fit.early(name)
    masked = masked_margins(fit)
    coverage = [write_fold(work / "cinc2012" / f"fold-{k}", fit, k, prior) for k in range(data.FOLDS)]
    (work / "cinc2012" / "coverage.json").write_text(json.dumps(coverage, indent=1))
    halves = {f"{name}/half-{h}": raw[h] for name, raw in fit.halves.items() for h in (0, 1)}
    np.savez(work / "cinc2012" / "oof.npz", y=y, fold=fold, hours=fit.hours, **fit.raw, **halves, **masked)
    say("folds written")
    return fit


def masked_margins(fit):
    """Early models' out-of-fold log-odds as of 48 h with only some modalities left: `early/vitals` and so on."""
    rows = np.flatnonzero(fit.hours == 48.0)
    present = np.column_stack([t.present for t in fit.tables])
    found = {}
    for i, table in enumerate(fit.tables):
        left = np.zeros_like(present)
        left[:, i] = present[:, i]
        x = data.combine(fit.tables, left)[rows]
        for name in ("early", "early-dropout"):
            raw = np.full(len(fit.y), np.nan)
            for k in range(data.FOLDS):
                own = (fit.fold[rows] == k) & left[rows, i]
                raw[rows[own]] = trees.margins(fit.models[name][k], x[own])
            found[f"{name}/{table.modality}"] = raw
    return found


def ship(work, models, date, fit, prior):
    """The packages of models trained on every patient, and the fusion packages that go with them."""
    from . import package

    for table in fit.tables:
        found = package.write_model(
            fit, table, models / table.modality / f"{table.modality}-mortality-trees" / "1",
            f"{table.modality}-mortality-trees", "1", date)
        say(f"{table.modality} package: AUROC {found['auroc']:.4f}, calibration error {found['calibration_error']:.4f}")
    package.write_fusion(fit, models / "fusion", prior)


if __name__ == "__main__":
    # work folder, models folder, date of the provenance
    work, models, date = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    made = main(work)
    ship(work, models, date, made, float(made.y.mean().round(4)))
