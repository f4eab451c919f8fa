"""Out-of-fold comparison of late and early fusion with modalities removed at random, from what `mortality` has left.

Removing a modality of a patient leaves the others' feature rows as they are, so the removal needs no replay; outages and
delays do: `latefusion evaluate --folds` has them, with everything here, from the pipeline itself. Who is hit is
drawn as there (`src/shell/comparison/levels.rs`).
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from . import data, fusion, logistic, measures

LEVELS = [0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 1.0]
ROUNDS = 300
SEED = 2012
WORD = (1 << 64) - 1


def hit(patients, modality, level):
    """FNV-1a and one round of mixing of `seed/modality/patient`, as a share, against the level."""
    out = np.zeros(len(patients), bool)
    for i, patient in enumerate(patients):
        value = 0xCBF29CE484222325
        for byte in f"{SEED}/{modality}/{patient}".encode():
            value = ((value ^ byte) * 0x100000001B3) & WORD
        mixed = ((value ^ (value >> 31)) * 0x94D049BB133111EB) & WORD
        mixed ^= mixed >> 29
        out[i] = level > 0 and (mixed >> 11) / (1 << 53) <= level
    return out


class OutOfFold:
    """Rows as of 48 h: calibrated log-odds of every model for patients that it has not seen."""

    def __init__(self, work, modalities):
        saved = dict(np.load(work / "cinc2012" / "oof.npz"))
        about = [pd.read_parquet(work / f"cinc2012-{m}.parquet", columns=["patient", "as_of_hours", "age_seconds"])
                 for m in modalities]
        self.modalities, self.rows = modalities, saved["hours"] == 48.0
        self.all_y, self.all_fold = saved["y"], saved["fold"]
        self.trained = np.isin(saved["hours"], [24.0, 48.0])
        self.saved, self.ages_all = saved, np.column_stack([a["age_seconds"] for a in about])
        self.patients = about[0]["patient"].to_numpy()[self.rows]
        self.y, self.fold, self.ages = saved["y"][self.rows], saved["fold"][self.rows], self.ages_all[self.rows]
        self.prior = float(saved["y"].mean().round(4))

    def platt(self, raw, k):
        rows = self.trained & ~np.isnan(raw) & (self.all_fold != k)
        return logistic.fit(raw[rows][:, None], self.all_y[rows], towards=[0.0, 1.0], ridge=1e-6)

    def calibrated(self, name, of=None):
        """Log-odds by maps fitted on the other folds; `of`: the raw values to map instead of the model's own."""
        raw, out = self.saved[name], np.full(self.rows.sum(), np.nan)
        values = (raw if of is None else self.saved[of])[self.rows]
        for k in range(data.FOLDS):
            intercept, slope = self.platt(raw, k)
            out[self.fold == k] = (slope * values + intercept)[self.fold == k]
        return out

    def fitted(self, k):
        """Every fusion method, fitted without fold k."""
        columns = []
        for name in self.modalities:
            intercept, slope = self.platt(self.saved[name], k)
            columns.append(slope * self.saved[name] + intercept)
        log_odds, present = np.column_stack(columns), ~np.isnan(self.ages_all)
        rows = self.trained & present.any(axis=1) & (self.all_fold != k)
        made = [m(self.modalities, self.prior) for m in fusion.METHODS]
        for method in made:
            method.fit(log_odds[rows], self.ages_all[rows], present[rows], self.all_y[rows], np.random.default_rng(9))
        return made


def scored(oof):
    """For every set of modalities left (bits): method -> [stays] log-odds, NaN where nothing is left."""
    count = len(oof.modalities)
    log_odds = np.column_stack([oof.calibrated(m) for m in oof.modalities])
    full = ~np.isnan(log_odds)
    methods = [oof.fitted(k) for k in range(data.FOLDS)]
    out = {}
    for left in range(1, 1 << count):
        present = full & np.array([bool(left >> i & 1) for i in range(count)])
        of = {m.name: np.full(len(oof.y), np.nan) for m in methods[0]}
        for k, made in enumerate(methods):
            own = (oof.fold == k) & present.any(axis=1)
            for method in made:
                of[method.name][own] = method.predict(log_odds[own], oof.ages[own], present[own])
        number = np.maximum(present.sum(axis=1), 1)
        none = ~present.any(axis=1)
        mean = np.where(present, log_odds, 0).sum(axis=1) / number
        share = np.where(present, measures.sigmoid(np.nan_to_num(log_odds)), 0).sum(axis=1) / number
        of["log_odds_pool"] = np.where(none, np.nan, mean)
        of["linear_pool"] = np.where(none, np.nan, measures.logit(share))
        for rival in ("early", "early-dropout"):
            some = [m for i, m in enumerate(oof.modalities) if left >> i & 1]
            source = rival if len(some) == count else f"{rival}/{some[0]}"
            of[rival] = np.where(none, np.nan, oof.calibrated(rival, source))
        # A stay that lacks a modality by itself is told so by its own mask alone.
        out[left] = of
    return out, full


def levels(oof, tables, target, level):
    """The risks of every method when each modality of `target` is taken from its share of the patients."""
    count = len(oof.modalities)
    left = np.full(len(oof.y), (1 << count) - 1)
    for i in target:
        left[hit(oof.patients, i, level)] &= ~(1 << i)
    names = tables[(1 << count) - 1]
    chosen = {n: np.full(len(oof.y), np.nan) for n in names}
    for bits, of in tables.items():
        for name, values in of.items():
            chosen[name][left == bits] = values[left == bits]
    return {n: measures.sigmoid(v) for n, v in chosen.items()}, left


def resampled(risks, y, kept, rounds=ROUNDS):
    """AUROC of each method in each bootstrap round, on the same patients."""
    random = np.random.default_rng(SEED)
    values = {n: [] for n in risks}
    places = np.flatnonzero(kept)
    for _ in range(rounds):
        rows = random.choice(places, len(places))
        for name, risk in risks.items():
            values[name].append(measures.auroc(risk[rows], y[rows]))
    return {n: np.array(v) for n, v in values.items()}


def points(a, b, plain):
    low, high = np.percentile(100 * (a - b), [2.5, 97.5])
    return f"{100 * plain:+.2f} ({low:+.2f} to {high:+.2f})"


def whole_table(risks, y):
    kept = ~np.isnan(risks["stack"])
    rounds = resampled(risks, y, kept)
    lines = ["| method | AUROC (95 %) | AUPRC | Brier | log loss | ECE | slope | score 1 | points ahead of early | points ahead of early-dropout |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for name, risk in risks.items():
        p, e = risk[kept], y[kept]
        low, high = np.percentile(rounds[name], [2.5, 97.5])
        slope = logistic.fit(measures.logit(p)[:, None], e)[1]
        ahead = [points(rounds[name], rounds[r], measures.auroc(p, e) - measures.auroc(risks[r][kept], e))
                 for r in ("early", "early-dropout")]
        lines.append(f"| {name} | {measures.auroc(p, e):.4f} ({low:.4f} to {high:.4f}) | {measures.auprc(p, e):.3f} | {measures.brier(p, e):.4f} "
                     f"| {measures.log_loss(p, e):.4f} | {measures.calibration_error(p, e):.3f} | {slope:.2f} | {measures.score_one(p, e):.3f} | {ahead[0]} | {ahead[1]} |")
    return "\n".join(lines), int(kept.sum()), int(y[kept].sum())


def level_table(oof, tables, target):
    shown = ["stack", "attention", "boosted", "log_odds_pool", "linear_pool", "early", "early-dropout"]
    lines = ["| hit | stays | " + " | ".join(shown) + " | stack ahead of early | stack ahead of early-dropout | ECE stack | ECE early-dropout |",
             "|---:|" + "---:|" * (len(shown) + 5)]
    for level in LEVELS:
        risks, _ = levels(oof, tables, target, level)
        kept = ~np.isnan(risks["stack"])
        if kept.sum() == 0:
            continue
        y = oof.y[kept]
        rounds = resampled({n: risks[n] for n in ("stack", "early", "early-dropout")}, oof.y, kept)
        areas = {n: measures.auroc(risks[n][kept], y) for n in shown}
        ahead = [points(rounds["stack"], rounds[r], areas["stack"] - areas[r]) for r in ("early", "early-dropout")]
        errors = [measures.calibration_error(risks[n][kept], y) for n in ("stack", "early-dropout")]
        lines.append(f"| {100 * level:.0f} % | {kept.sum()} | " + " | ".join(f"{areas[n]:.4f}" for n in shown)
                     + f" | {ahead[0]} | {ahead[1]} | {errors[0]:.3f} | {errors[1]:.3f} |")
    return "\n".join(lines)


def pattern_table(oof, tables):
    risks, left = levels(oof, tables, range(len(oof.modalities)), 0.5)
    _, full = tables, ~np.isnan(np.column_stack([oof.calibrated(m) for m in oof.modalities]))
    present = np.column_stack([(left >> i & 1).astype(bool) for i in range(full.shape[1])]) & full
    lines = ["| present | stays | deaths | method | AUROC | ECE |", "|---|---:|---:|---|---:|---:|"]
    for mask in sorted({tuple(row) for row in present if row.any()}):
        own = (present == np.array(mask)).all(axis=1)
        name = "+".join(m for m, there in zip(oof.modalities, mask) if there)
        for method in ("stack", "attention", "boosted", "log_odds_pool", "early", "early-dropout"):
            p, y = risks[method][own], oof.y[own]
            known = ~np.isnan(p)
            lines.append(f"| {name} | {known.sum()} | {int(y[known].sum())} | {method} | {measures.auroc(p[known], y[known]):.3f} "
                         f"| {measures.calibration_error(p[known], y[known]):.3f} |")
    return "\n".join(lines)


def coverage_table(work):
    folds = json.loads((work / "cinc2012" / "coverage.json").read_text())
    lines = ["| method | present | patients | covered |", "|---|---|---:|---:|"]
    for method in folds[0]:
        for pattern in folds[0][method]:
            inside, of = (sum(f[method][pattern][i] for f in folds) for i in (0, 1))
            lines.append(f"| {method} | {pattern} | {of} | {100 * inside / of:.1f} % |")
    return "\n".join(lines)


def report(work):
    oof = OutOfFold(work, ["vitals", "labs"])
    tables, _ = scored(oof)
    complete, _ = levels(oof, tables, [], 0.0)
    for i, name in enumerate(oof.modalities):
        complete[f"{name} alone"] = measures.sigmoid(oof.calibrated(name))
    table, stays, deaths = whole_table(complete, oof.y)
    parts = [f"## Complete data, as of 48 h ({stays} stays, {deaths} deaths)", table]
    for title, target in [("vitals", [0]), ("labs", [1]), ("both, each by itself", [0, 1])]:
        parts += [f"## AUROC with a modality removed at random: {title}", level_table(oof, tables, target)]
    parts += ["## By availability pattern, each modality half removed", pattern_table(oof, tables)]
    parts += ["## Interval coverage (nominal 95 %)", coverage_table(work)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    text = report(Path(sys.argv[1]))
    Path(sys.argv[2]).write_text("# Out-of-fold comparison on cinc2012\n\nWritten by `make train`; see `docs/evaluation.md`.\n\n" + text)
    print(text)
