"""Model packages (`models/<modality>/<name>/<version>/`) and fusion packages, in the formats that the program reads."""

import hashlib
import json

import numpy as np

from . import data, fusion, measures, mortality, trees

GOLDEN_ROWS = 48
CITED = (
    "Silva et al., Computing in Cardiology 2012;39:245-248; "
    "Goldberger et al., Circulation 2000;101(23):e215-e220."
)


def baseline(raw):
    """Nine edges and ten shares of the out-of-fold scores."""
    edges = np.quantile(raw, np.arange(1, 10) / 10)
    shares = np.bincount(np.searchsorted(edges, raw, side="right"), minlength=10) / len(raw)
    return edges, shares


def manifest(fit, table, name, version, model_text, date, figures):
    raw = fit.raw[table.modality]
    rows = fit.trained & ~np.isnan(raw)
    slope, intercept = fit.platt(table.modality, None)
    edges, shares = baseline(raw[rows])
    first = table.frame["patient"][rows]
    patients = first.nunique()
    events = int(fit.y[rows][~first.duplicated().to_numpy()].sum())
    lines = [
        f'name = "{name}"', f'version = "{version}"', f'modality = "{table.modality}"', 'kind = "lightgbm"',
        'file = "model.txt"', f'sha256 = "{hashlib.sha256(model_text.encode()).hexdigest()}"', "",
    ]
    for feature in table.features:
        column, statistic, within = feature.split("/")
        lines += ["[[features]]", f'column = "{column}"', f'statistic = "{statistic}"', f'within = "{within}"', ""]
    lines += [
        "[output]", 'kind = "log_odds"', "",
        "[calibration.platt]", f"slope = {slope!r}", f"intercept = {intercept!r}", "",
        "[calibration.provenance]", 'data_set = "cinc2012 a+b, out of fold"', 'outcome = "in-hospital death"',
        f"patients = {patients}", f"events = {events}", f'date = "{date}"', 'command = "make train"', "",
        "[baseline]", f"edges = {[float(e) for e in edges]}", f"shares = {[float(s) for s in shares]}", "",
        "[training]", 'data = "PhysioNet/CinC Challenge 2012, sets a and b, as of 24 h and 48 h"', 'licence = "ODC-BY 1.0"',
        'outcome = "in-hospital death"', f"patients = {patients}", 'command = "make train"', "", "[metrics]",
    ]
    lines += [f"{key} = {value!r}" for key, value in figures.items()]
    return "\n".join(lines) + "\n"


def figures(risk, y):
    interval = measures.bootstrap(measures.auroc, risk, y)
    precision = measures.bootstrap(measures.auprc, risk, y)
    return {
        "auroc": float(measures.auroc(risk, y)), "auroc_lower": interval[0], "auroc_upper": interval[1],
        "auprc": float(measures.auprc(risk, y)), "auprc_lower": precision[0], "auprc_upper": precision[1],
        "brier": measures.brier(risk, y), "calibration_error": measures.calibration_error(risk, y),
        "patients": float(len(y)), "events": float(y.sum()),
    }


def subgroups(frame, risk, y):
    age = frame["context_age_years"].to_numpy(dtype=float)
    male = frame["context_male"].astype("boolean")
    groups = {
        "all": np.ones(len(y), bool),
        "women": male.eq(False).fillna(False).to_numpy(bool), "men": male.fillna(False).to_numpy(bool),
        "younger than 50": age < 50, "50 to 64": (age >= 50) & (age < 65),
        "65 to 79": (age >= 65) & (age < 80), "80 and older": age >= 80,
    }
    rows = ["| group | stays | deaths | AUROC (95 %) | mean risk | event rate | ECE |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, at in groups.items():
        low, high = measures.bootstrap(measures.auroc, risk[at], y[at], rounds=300)
        rows.append(
            f"| {name} | {at.sum()} | {int(y[at].sum())} | {measures.auroc(risk[at], y[at]):.3f} ({low:.3f} to {high:.3f}) "
            f"| {risk[at].mean():.3f} | {y[at].mean():.3f} | {measures.calibration_error(risk[at], y[at]):.3f} |"
        )
    return "\n".join(rows)


def card(fit, table, name, version, found, groups):
    return f"""# {name} {version}

Risk of in-hospital death from {table.modality} alone: gradient-boosted trees ({mortality.ROUNDS[table.modality]} trees of 15 leaves, LightGBM)
over {len(table.features)} features of the last two days. Made by `make train`; see `training/`.

**Data.** PhysioNet/CinC Challenge 2012, sets a and b: 8,000 intensive-care stays, feature rows as of 24 h and 48 h into each stay, from
the running score stage (`latefusion features`). Open Data Commons Attribution License 1.0. {CITED}

**How good.** Cross-fitted: each patient is scored by a model trained on the other four fifths, calibrated (Platt) on those too. As of 48 h, {int(found["patients"])} stays,
{int(found["events"])} deaths: AUROC {found["auroc"]:.3f} (95 % {found["auroc_lower"]:.3f} to {found["auroc_upper"]:.3f}), AUPRC {found["auprc"]:.3f} ({found["auprc_lower"]:.3f} to {found["auprc_upper"]:.3f}),
Brier {found["brier"]:.4f}, expected calibration error {found["calibration_error"]:.3f}. The shipped model is trained on all patients by the same recipe; its own figures on them would flatter.

**Subgroups** as of 48 h, cross-fitted. Age and sex are not inputs.

{groups}

**Intended use.** Research and engineering: one modality's part in a late fusion. Not for clinical decisions without local validation and regulatory assessment.

**Limits.** One country, intensive care of 2001 to 2008; hourly charting, not monitors. Calibrated for death in hospital at the rate of these stays (14 %) and only from 24 h on:
earlier in a stay the features are thinner than those it was trained on. Where a subgroup's mean risk and event rate differ above, its calibration is off by that much.
"""


def write_model(fit, table, folder, name, version, date):
    """Trains on every patient and writes the package."""
    rows = table.present & fit.trained
    model = trees.train(table.x[rows], fit.y[rows], table.features, mortality.ROUNDS[table.modality])
    text = model.model_to_string()
    test = (fit.hours == 48.0) & ~np.isnan(fit.raw[table.modality])
    risk = np.full(len(fit.y), np.nan)
    for k in range(data.FOLDS):
        slope, intercept = fit.platt(table.modality, k)
        own = test & (fit.fold == k)
        risk[own] = measures.sigmoid(slope * fit.raw[table.modality][own] + intercept)
    frame = table.frame[test].reset_index(drop=True)
    found = figures(risk[test], fit.y[test])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(text)
    (folder / "manifest.toml").write_text(manifest(fit, table, name, version, text, date, found))
    chosen = np.random.default_rng(4).choice(np.flatnonzero(rows), GOLDEN_ROWS, replace=False)
    # Patients' values are not published: golden rows are columns shuffled between patients, so that no row is one's own.
    random = np.random.default_rng(6)
    golden = np.column_stack([random.permutation(table.x[chosen, i]) for i in range(table.x.shape[1])])
    cells = [[None if np.isnan(v) else float(v) for v in row] for row in golden]
    expected = [float(v) for v in trees.margins(model, golden)]
    (folder / "golden.json").write_text(json.dumps({"rows": cells, "expected": expected}) + "\n")
    groups = subgroups(frame, risk[test], fit.y[test])
    (folder / "MODEL_CARD.md").write_text(card(fit, table, name, version, found, groups))
    return found


FUSION_HEAD = """# Fusion of {data}, made by `make train`. {what}
every = "1h"
allowed_lateness = "1h"
lane_timeout = "2h"
state_ttl = "10d"
activity_window = "6h"
longest_clock_step = "2min"
bands = [0.1, 0.3]

[publish]
policy = "always"

[method]
"""
FUSION_TAIL = """
[modality.vitals]
validity = "6h"
half_life = "4h"
hold_limit = "12h"
gating = true
out_of_orderness = "10s"
weight = 1.0

[modality.labs]
validity = "36h"
half_life = "1d"
hold_limit = "3d"
gating = false
out_of_orderness = "0s"
weight = 1.0

[modality.imaging]
validity = "4d"
half_life = "3d"
hold_limit = "8d"
gating = false
out_of_orderness = "0s"
weight = 1.0
"""


def write_fusion(fit, folder, prior):
    """The fusion packages for the shipped models: parameters from the out-of-fold predictions of every patient."""
    folder.mkdir(parents=True, exist_ok=True)
    for method in fusion.METHODS:
        made = mortality.fit_fusion(fit, None, method, prior)
        widths, _ = mortality.half_widths(fit, None, made)
        head = FUSION_HEAD.format(data="vitals and labs", what=f"Method: {method.name}; risk of in-hospital death.")
        text = head + made.text(widths) + FUSION_TAIL
        (folder / f"hourly-mortality-{method.name}.toml").write_text(text)


