"""Late models, early rivals and fusion parameters of one study: `python -m trainer.mortality STUDY work models DATE`.

For each fold everything (models, calibrations, fusion parameters) is made without the fold's patients and written to
`work/STUDY/fold-K/`; `latefusion evaluate --folds` scores each fold's patients with it. Then the shipped packages.
"""

import sys
from pathlib import Path

import numpy as np

from . import data, fusion, package
from .crossfit import CrossFit, say
from .studies import STUDIES


def fit_fusion(fit, k, method):
    """A method's parameters from every fold but k; from all of them with k None."""
    log_odds = fit.calibrated(k)
    rows = fit.trained & fit.present.any(axis=1) & (fit.fold != (-1 if k is None else k))
    made = method([t.modality for t in fit.tables], fit.prior, fit.study.ridge)
    made.fit(log_odds[rows], fit.ages[rows], fit.present[rows], fit.y[rows], np.random.default_rng(9))
    return made


def half_widths(fit, k, method, level=0.95):
    """For each pattern the distance, in fused log-odds, within which `level` of the patients' risk by all that they have
    lies, where that risk is by models trained on other patients."""
    by = [fit.calibrated_half(h, k) for h in (0, 1)]
    rows = (fit.hours == fit.study.main) & fit.present.any(axis=1) & (fit.fold != (-1 if k is None else k))
    reference = method.predict(by[0], fit.ages, fit.present)
    count, widths = len(fit.tables), {}
    for pattern in [(i,) for i in range(count)] + fusion.patterns(count):
        of = np.array([i in pattern for i in range(count)])
        known = rows & (fit.present | ~of).all(axis=1)
        away = np.abs(method.predict(by[1], fit.ages, fit.present & of) - reference)[known]
        widths[pattern] = float(np.quantile(away, level)) if len(away) >= 20 else 0.01
    for pattern in sorted(widths, key=len, reverse=True):
        wider = [w for p, w in widths.items() if set(pattern) < set(p)]
        widths[pattern] = max([widths[pattern], *wider])
    return widths


def write_fold(folder, fit, k):
    folder.mkdir(parents=True, exist_ok=True)
    patients = fit.tables[0].frame["patient"][fit.fold == k].unique()
    (folder / "patients.txt").write_text("\n".join(patients) + "\n")
    lines = ['patients = "patients.txt"']

    def model(kind, name, made, line, *about):
        (folder / f"{name}.txt").write_text(made.model_to_string())
        lines.extend([f"[[{kind}]]", *about, f'model = "{name}.txt"', f"slope = {line[0]!r}", f"intercept = {line[1]!r}"])

    for t in fit.tables:
        (folder / f"{t.modality}.features").write_text("\n".join(t.features) + "\n")
        of = f'modality = "{t.modality}"'
        model("late", t.modality, fit.models[t.modality][k], fit.platt(t.modality, k), of, f'features = "{t.modality}.features"')
        for h in (0, 1):
            line = fit.platt_of_half(t.modality, h, k)
            model("half", f"{t.modality}-half-{h}", fit.half_models[t.modality][k][h], line, of, f"side = {h}")
    for name in fit.study.rivals:
        model("early", name, fit.models[name][k], fit.platt(name, k), f'name = "{name}"')
    for method in fusion.METHODS:
        made = fit_fusion(fit, k, method)
        (folder / f"{method.name}.toml").write_text("[method]\n" + made.text(half_widths(fit, k, made)))
        lines += ["[[fusion]]", f'name = "{method.name}"', f'method = "{method.name}.toml"']
    (folder / "fold.toml").write_text("\n".join(lines) + "\n")


def load(study, work):
    """Tables, outcomes and folds of the stays whose outcome is known."""
    tables = [data.read(work / f"{study.name}-{m}.parquet", m) for m in study.modalities]
    known = tables[0].frame[study.outcome].notna().to_numpy()
    tables = [t.rows(known) for t in tables]
    y = tables[0].frame[study.outcome].astype(int).to_numpy()
    return tables, y, data.folds(tables[0].frame["patient"].to_numpy(), y)


def main(study, work, models, date):
    fit = CrossFit(study, *load(study, work))
    for k in range(data.FOLDS):
        write_fold(work / study.name / f"fold-{k}", fit, k)
    say("folds written")
    for table in fit.tables:
        if study.ships and table.modality not in study.ships:
            continue
        name = f"{table.modality}-{study.suffix}"
        found = package.write_model(fit, table, models / table.modality / name / "1", name, "1", date)
        say(f"{name}: AUROC {found['auroc']:.4f}, calibration error {found['calibration_error']:.4f}")
    package.write_fusion(fit, models / "fusion")


if __name__ == "__main__":
    # study, work folder, models folder, date of the provenance
    main(STUDIES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
