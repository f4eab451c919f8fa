"""Small tree ensembles of every kind that is read natively."""

import lightgbm as lgb
import numpy as np
import xgboost as xgb

import golden

FEATURES = 6
ROWS = 600


def data(seed, categorical=False, zeros=False):
    """Features with a quarter missing; the last one a category if asked for."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS, FEATURES))
    if zeros:
        x[random.random(x.shape) < 0.3] = 0.0
    if categorical:
        x[:, -1] = random.integers(0, 70, ROWS)
    clean = x.copy()
    x[random.random(x.shape) < 0.25] = np.nan
    signal = clean[:, 0] + np.sin(2 * clean[:, 1]) - 0.5 * clean[:, 2] * (clean[:, 3] > 0)
    if categorical:
        signal += np.isin(clean[:, -1] % 7, [1, 2, 5])
    return x, signal + 0.3 * random.normal(size=ROWS)


def asked(x, categorical):
    """Rows to predict: training rows, then some that nobody has seen."""
    random = np.random.default_rng(99)
    edge = random.normal(size=(12, FEATURES)) * 3
    edge[0], edge[1], edge[2] = np.nan, 0.0, 1e-36
    edge[3], edge[4] = 1e30, -1e30
    if categorical:
        edge[5:, -1] = [-1.0, 7.9, 69.0, 70.0, 5000.0, 3.2, np.nan]
    return np.vstack([x[:28], edge])


def lightgbm(kind):
    """A LightGBM model: text and predictions."""

    def make(name):
        settings = {"verbosity": -1, "num_leaves": 7, "seed": 1, "deterministic": True, "num_threads": 1}
        categorical = kind == "categorical"
        x, y = data(1, categorical, zeros=kind in ("zero", "nomissing"))
        target = (y > 0.4).astype(int)
        settings["objective"] = "binary"
        if kind == "multiclass":
            settings |= {"objective": "multiclass", "num_class": 3}
            target = np.digitize(y, [-0.5, 0.8])
        elif kind == "regression":
            settings |= {"objective": "regression"}
            target = y
        elif kind == "poisson":
            settings |= {"objective": "poisson"}
            target = np.floor(np.exp(y / 2))
        elif kind == "zero":
            settings |= {"zero_as_missing": True}
        elif kind == "nomissing":
            settings |= {"use_missing": False}
        elif kind == "rf":
            settings |= {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
        elif kind == "dart":
            settings |= {"boosting": "dart", "drop_rate": 0.5}
        elif categorical:
            settings |= {"cat_smooth": 1, "min_data_per_group": 5, "max_cat_to_onehot": 4}
        names = [f"f{i}" for i in range(FEATURES)]
        table = lgb.Dataset(x, target, feature_name=names, categorical_feature=[FEATURES - 1] if categorical else [])
        booster = lgb.train(settings, table, num_boost_round=12)
        booster.save_model(golden.HERE / f"{name}.txt")
        rows = asked(x, categorical)
        golden.write(name, rows, booster.predict(rows))

    return make


def xgboost(kind):
    """An XGBoost model: JSON and predictions."""

    def make(name):
        settings = {"max_depth": 4, "seed": 1, "nthread": 1, "eta": 0.3}
        categorical = kind == "categorical"
        x, y = data(2, categorical)
        target = (y > 0.4).astype(int)
        settings["objective"] = "binary:logistic"
        if kind == "multiclass":
            settings |= {"objective": "multi:softprob", "num_class": 3}
            target = np.digitize(y, [-0.5, 0.8])
        elif kind == "regression":
            settings |= {"objective": "reg:squarederror"}
            target = y
        elif kind == "poisson":
            settings |= {"objective": "count:poisson"}
            target = np.floor(np.exp(y / 2))
        elif kind == "dart":
            settings |= {"booster": "dart", "rate_drop": 0.5}
        elif kind == "forest":
            settings |= {"num_parallel_tree": 3, "max_depth": 3, "subsample": 0.7, "colsample_bynode": 0.7}
        elif kind == "binary":
            # Pruned nodes stay in the file.
            settings |= {"gamma": 2.0, "tree_method": "exact"}
        names = [f"f{i}" for i in range(FEATURES)]
        types = ["q"] * (FEATURES - 1) + ["c" if categorical else "q"]
        asked_rows = asked(x, categorical)
        if categorical:
            # XGBoost refuses categories that it has not been trained with.
            asked_rows = asked_rows[(asked_rows[:, -1] < 70) | np.isnan(asked_rows[:, -1])]
            asked_rows = asked_rows[(asked_rows[:, -1] >= 0) | np.isnan(asked_rows[:, -1])]
            asked_rows[:, -1] = np.floor(asked_rows[:, -1])

        def table(rows, **more):
            return xgb.DMatrix(
                rows, feature_names=names, feature_types=types, enable_categorical=categorical, **more
            )

        booster = xgb.train(settings, table(x, label=target), num_boost_round=6)
        booster.save_model(golden.HERE / f"{name}.json")
        golden.write(name, asked_rows, booster.predict(table(asked_rows)))

    return make


ALL = {
    f"lightgbm-{kind}": lightgbm(kind)
    for kind in ("binary", "multiclass", "regression", "poisson", "categorical", "zero", "nomissing", "rf", "dart")
} | {
    f"xgboost-{kind}": xgboost(kind)
    for kind in ("binary", "multiclass", "regression", "poisson", "categorical", "dart", "forest")
}
