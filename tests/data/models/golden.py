"""How golden files are written."""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def write(name, rows, expected):
    """Rows [n x features] with NaN as null, predictions [n] or [n x outputs]."""
    rows = [[None if np.isnan(x) else float(x) for x in row] for row in np.asarray(rows, dtype=np.float64)]
    expected = np.asarray(expected, dtype=np.float64)
    expected = expected.reshape(len(rows), -1).tolist()
    text = json.dumps({"rows": rows, "expected": expected})
    (HERE / f"{name}.golden.json").write_text(text.replace("], ", "],\n") + "\n")
