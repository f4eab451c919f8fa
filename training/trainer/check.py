"""Holds the figures of freshly made packages against the committed ones: `python -m trainer.check models committed`.

Both are folders of packages. Training is deterministic, but another processor or compiler may round otherwise.
"""

import sys
import tomllib
from pathlib import Path

TOLERANCE = {"auroc": 0.005, "auprc": 0.01, "brier": 0.001, "calibration_error": 0.005, "patients": 0.0, "events": 0.0}


def metrics(folder):
    return {str(path.parent.relative_to(folder)): tomllib.loads(path.read_text())["metrics"]
            for path in sorted(folder.glob("*/*/*/manifest.toml"))}


def main(made, committed):
    made, committed = metrics(made), metrics(committed)
    compared, wrong = 0, 0
    for name, expected in committed.items():
        if name not in made:
            print(f"{name}: was not made")
            wrong += 1
            continue
        for key, tolerance in TOLERANCE.items():
            away = abs(made[name][key] - expected[key])
            compared += 1
            if away > tolerance:
                print(f"{name}: {key} is {made[name][key]:.4f}, committed {expected[key]:.4f}, tolerance {tolerance}")
                wrong += 1
    print(f"{compared} figures of {len(committed)} packages compared, {wrong} outside their tolerance")
    return 1 if wrong or not compared else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
