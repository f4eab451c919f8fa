"""Feature tables of `latefusion features`, the patients' folds, and availability patterns."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

FOLDS = 5
MODALITIES = ["vitals", "labs", "imaging"]


@dataclass
class Table:
    """One modality of one data set: a row for each stay and time, the same order in every modality."""

    modality: str
    features: list
    x: np.ndarray  # [rows x features], NaN = null
    age: np.ndarray  # [rows] seconds, NaN = absent
    frame: pd.DataFrame  # patient, as_of_hours, outcomes, context

    def rows(self, kept):
        frame = self.frame[kept].reset_index(drop=True)
        return Table(self.modality, self.features, self.x[kept], self.age[kept], frame)

    @property
    def present(self):
        return ~np.isnan(self.age)


def read(path, modality):
    frame = pd.read_parquet(path)
    features = [name for name in frame.columns if "/" in name]
    about = frame[[name for name in frame.columns if "/" not in name]]
    x = frame[features].to_numpy(dtype=np.float64)
    return Table(modality, features, x, about["age_seconds"].to_numpy(dtype=float), about)


def folds(patients, outcome, seed=2012):
    """A fold from 0 to 4 for each row: whole patients, stratified by outcome, the same on every machine."""
    first = pd.DataFrame({"patient": patients, "outcome": outcome}).drop_duplicates("patient")
    keys = [hashlib.sha256(f"{seed}/{p}".encode()).hexdigest() for p in first["patient"]]
    first = first.assign(key=keys).sort_values(["outcome", "key"])
    of = dict(zip(first["patient"], np.arange(len(first)) % FOLDS))
    return np.array([of[p] for p in patients])


def combine(tables, present=None):
    """The early models' input: for each modality its features and its age, all NaN where it is absent."""
    parts = []
    for i, table in enumerate(tables):
        block = np.column_stack([table.x, table.age])
        if present is not None:
            block = np.where(present[:, i : i + 1], block, np.nan)
        parts.append(block)
    return np.column_stack(parts)


def early_names(tables):
    return [n for t in tables for n in [f"{t.modality}:{f}" for f in t.features] + [f"{t.modality}:age_seconds"]]
