"""Model packages (`models/<modality>/<name>/<version>/`) and fusion packages, in the formats that the program reads."""

import hashlib
import json

import numpy as np

from . import fusion, measures, trees

GOLDEN_ROWS = 24


def baseline(raw):
    """Nine edges and ten shares of the out-of-fold scores. Few distinct scores make edges that coincide: they are moved apart."""
    edges = np.quantile(raw, np.arange(1, 10) / 10)
    for i in range(1, len(edges)):
        edges[i] = max(edges[i], edges[i - 1] + 1e-6)
    shares = np.bincount(np.searchsorted(edges, raw, side="right"), minlength=10) / len(raw)
    return edges, shares


def manifest(fit, table, name, version, model_text, date, figures):
    study = fit.study
    raw = fit.raw[table.modality]
    rows = fit.trained & ~np.isnan(raw)
    slope, intercept = fit.platt(table.modality, None)
    edges, shares = baseline(raw[rows])
    first = table.frame["patient"][rows]
    patients = first.nunique()
    events = int(fit.y[rows][~first.duplicated().to_numpy()].sum())
    times = " and ".join(f"{hours:.0f} h" for hours in study.times)
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
        "[calibration.provenance]", f'data_set = "{study.name}, out of fold"', f'outcome = "{study.outcome_text}"',
        f"patients = {patients}", f"events = {events}", f'date = "{date}"', 'command = "make train"', "",
        "[baseline]", f"edges = {[float(e) for e in edges]}", f"shares = {[float(s) for s in shares]}", "",
        "[training]", f'data = "{study.data}, as of {times}"', f'licence = "{study.licence}"',
        f'outcome = "{study.outcome_text}"', f"patients = {patients}", 'command = "make train"', "", "[metrics]",
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
        stays, deaths = int(at.sum()), int(y[at].sum())
        if min(deaths, stays - deaths) < 10:
            rows.append(f"| {name} | {stays} | {deaths} | too few | | | |")
            continue
        low, high = measures.bootstrap(measures.auroc, risk[at], y[at], rounds=300)
        rows.append(
            f"| {name} | {stays} | {deaths} | {measures.auroc(risk[at], y[at]):.3f} ({low:.3f} to {high:.3f}) "
            f"| {risk[at].mean():.3f} | {y[at].mean():.3f} | {measures.calibration_error(risk[at], y[at]):.3f} |"
        )
    return "\n".join(rows)


def card(fit, table, name, version, found, groups):
    study = fit.study
    times = " and ".join(f"{hours:.0f} h" for hours in study.times)
    return f"""# {name} {version}

Risk of {study.outcome_text} from {table.modality} alone: gradient-boosted trees ({study.rounds[table.modality]} trees, LightGBM)
over {len(table.features)} features. Made by `make train`; see `training/`.

**Data.** {study.data}: {fit.tables[0].frame["patient"].nunique()} intensive-care stays with a known outcome, feature rows as of {times} into each stay, from
the running score stage (`latefusion features`). {study.cited}

**Licence of the data.** {study.licence_text}

**How good.** Cross-fitted: each patient is scored by a model trained on the other four fifths, calibrated (Platt) on those too. As of {study.main:.0f} h, {int(found["patients"])} stays,
{int(found["events"])} deaths: AUROC {found["auroc"]:.3f} (95 % {found["auroc_lower"]:.3f} to {found["auroc_upper"]:.3f}), AUPRC {found["auprc"]:.3f} ({found["auprc_lower"]:.3f} to {found["auprc_upper"]:.3f}),
Brier {found["brier"]:.4f}, expected calibration error {found["calibration_error"]:.3f}. The shipped model is trained on all patients by the same recipe; its own figures on them would flatter.

**Subgroups** as of {study.main:.0f} h, cross-fitted. Age and sex are not inputs.

{groups}

**Intended use.** Research and engineering: one modality's part in a late fusion. Not for clinical decisions without local validation and regulatory assessment.

**Limits.** {study.limits}{study.notes.get(table.modality, '')} Where a subgroup's mean risk and event rate differ above, its calibration is off by that much.
"""


def golden(table, rows, model):
    """Rows that belong to nobody: each feature uniform between two rounded quantiles, and null as often as in the data."""
    random = np.random.default_rng(6)
    columns = []
    for i in range(table.x.shape[1]):
        values = table.x[rows, i]
        known = values[~np.isnan(values)]
        low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 1.0)
        drawn = random.uniform(low, high, GOLDEN_ROWS)
        drawn[random.random(GOLDEN_ROWS) < max(np.isnan(values).mean(), 0.1)] = np.nan
        columns.append([float(f"{v:.3g}") for v in drawn])
    x = np.array(columns).T
    cells = [[None if np.isnan(v) else v for v in row] for row in x.tolist()]
    return json.dumps({"rows": cells, "expected": [float(v) for v in trees.margins(model, x)]}) + "\n"


def write_model(fit, table, folder, name, version, date):
    """Trains on every patient and writes the package."""
    rows = table.present & fit.trained
    model = trees.train(table.x[rows], fit.y[rows], table.features, fit.study.rounds[table.modality], fit.study.recipe)
    text = model.model_to_string()
    risk = fit.judged(table.modality)
    test = (fit.hours == fit.study.main) & ~np.isnan(risk)
    found = figures(risk[test], fit.y[test])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(text)
    (folder / "manifest.toml").write_text(manifest(fit, table, name, version, text, date, found))
    (folder / "golden.json").write_text(golden(table, rows, model))
    groups = subgroups(table.frame[test].reset_index(drop=True), risk[test], fit.y[test])
    (folder / "MODEL_CARD.md").write_text(card(fit, table, name, version, found, groups))
    return found


HEAD = {
    "hourly": """every = "1h"
allowed_lateness = "1h"
lane_timeout = "2h"
state_ttl = "10d"
activity_window = "6h"
longest_clock_step = "2min"
""",
    "ward": """every = "10s"
allowed_lateness = "5min"
lane_timeout = "30s"
state_ttl = "7d"
activity_window = "15min"
longest_clock_step = "2s"
""",
}
# validity, half-life, hold limit, out-of-orderness: as `Package::shipped` has them.
POLICIES = {
    "hourly": {"vitals": ("6h", "4h", "12h", "10s"), "labs": ("36h", "1d", "3d", "0s"), "imaging": ("4d", "3d", "8d", "0s")},
    "ward": {"vitals": ("15min", "10min", "30min", "10s"), "labs": ("1d", "12h", "2d", "0s"), "imaging": ("3d", "2d", "6d", "0s")},
}


def write_fusion(fit, folder):
    """The fusion packages for the shipped models: parameters from the out-of-fold predictions of every patient."""
    from . import mortality

    study = fit.study
    folder.mkdir(parents=True, exist_ok=True)
    data = "-eicu-demo" if study.name == "eicu-demo" else ""
    for method in fusion.METHODS:
        made = mortality.fit_fusion(fit, None, method)
        lines = [
            f"# Fusion of {' and '.join(study.modalities)} by the method {method.name}: risk of {study.outcome_text}, fitted on {study.data}. Made by `make train`.",
            HEAD[study.profile] + "bands = [0.1, 0.3]", "", "[publish]", 'policy = "always"', "", "[method]",
            made.text(mortality.half_widths(fit, None, made)),
        ]
        for modality, (validity, half_life, hold_limit, out_of_orderness) in POLICIES[study.profile].items():
            lines += [
                f"[modality.{modality}]", f'validity = "{validity}"', f'half_life = "{half_life}"', f'hold_limit = "{hold_limit}"',
                f"gating = {str(modality == 'vitals').lower()}", f'out_of_orderness = "{out_of_orderness}"', "weight = 1.0", "",
            ]
        (folder / f"{study.profile}-mortality{data}-{method.name}.toml").write_text("\n".join(lines))
