//! Tree ensembles against what LightGBM and XGBoost predict themselves.

use super::golden::{Golden, names, text};
use latefusion::trees::TreeEnsemble;

fn ensembles() -> Vec<(String, TreeEnsemble)> {
    let lightgbm = names("lightgbm-", ".txt").into_iter();
    let xgboost = names("xgboost-", ".json").into_iter();
    let lightgbm = lightgbm.map(|name| (TreeEnsemble::from_lightgbm(&text(&name)), name));
    let xgboost = xgboost.map(|name| (TreeEnsemble::from_xgboost(&text(&name)), name));
    let read = lightgbm.chain(xgboost).map(|(read, name)| match read {
        Ok(trees) => (name, trees),
        Err(error) => panic!("{name}: {error}"),
    });
    read.collect()
}

/// Largest difference between the two, relative where they are above 1.
fn difference(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let differences = got.iter().zip(expected).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    differences.fold(0.0, f64::max)
}

#[test]
fn trees_predict_what_their_library_predicts_missing_values_included() {
    let mut compared = 0;
    for (name, trees) in ensembles() {
        let golden = Golden::of(&name);
        assert!(golden.rows.iter().any(|x| x.is_nan()), "{name} has nothing missing");
        let got = trees.predict(&golden.rows, golden.features);
        let worst = difference(&got, &golden.expected);
        // LightGBM in the last bits of `exp`, XGBoost in single precision.
        let allowed = if name.starts_with("lightgbm") { 1e-15 } else { 2e-6 };
        println!("{name}: {} predictions, largest difference {worst:e}", got.len());
        assert!(worst <= allowed, "{name} differs by {worst:e}");
        compared += got.len();
    }
    assert!(compared > 700, "only {compared} predictions were compared");
}

#[test]
fn the_cut_into_batches_never_shows_and_absent_columns_are_missing() {
    let mut compared = 0;
    for (name, trees) in ensembles() {
        let Golden { rows, features, .. } = Golden::of(&name);
        let whole = trees.predict(&rows, features);
        for size in [1, 3, 17] {
            let parts = rows.chunks(size * features).map(|part| trees.predict(part, features));
            assert_eq!(parts.collect::<Vec<_>>().concat(), whole, "{name} in batches of {size}");
            compared += 1;
        }
        let narrow: Vec<f64> = rows.chunks(features).flat_map(|row| row[..2].to_vec()).collect();
        let missing: Vec<f64> = rows
            .chunks(features)
            .flat_map(|row| [&row[..2], &vec![f64::NAN; features - 2]].concat())
            .collect();
        assert_eq!(trees.predict(&narrow, 2), trees.predict(&missing, features), "{name}");
    }
    assert!(compared >= 48, "only {compared} cuts were compared");
}

#[test]
fn names_and_sizes_are_as_in_the_file() {
    for (name, trees) in ensembles() {
        assert_eq!(trees.features(), 6, "{name}");
        assert_eq!(trees.feature_names().join(" "), "f0 f1 f2 f3 f4 f5", "{name}");
        assert_eq!(trees.outputs(), if name.contains("multiclass") { 3 } else { 1 }, "{name}");
        assert!(trees.trees() >= 6 && trees.memory_bytes() > 1_000, "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let mut refused = 0;
    for name in ["lightgbm-categorical.txt", "xgboost-categorical.json"] {
        let whole = text(name);
        for cut in (0..whole.len() - 1).step_by(97) {
            let part = whole.get(..cut).expect("the fixture is ASCII");
            // What follows the last tree of a LightGBM file is for people.
            if part.contains("end of trees") {
                continue;
            }
            let read = [TreeEnsemble::from_lightgbm(part), TreeEnsemble::from_xgboost(part)];
            assert!(read.iter().all(Result::is_err), "{name} cut at {cut}");
            refused += 1;
        }
    }
    assert!(refused > 100, "only {refused} were cut");
}

#[test]
fn what_is_not_supported_is_said_so() {
    let lightgbm = text("lightgbm-binary.txt");
    let xgboost = text("xgboost-binary.json");
    let said = |read: Result<TreeEnsemble, latefusion::trees::BadTrees>| match read {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    };
    for (from, to, word) in [
        ("is_linear=0", "is_linear=1", "linear trees"),
        ("objective=binary", "objective=mine", "`mine`"),
        ("left_child=-1", "left_child=0", "another parent"),
        ("max_feature_idx=5", "max_feature_idx=1", "a feature"),
        ("max_feature_idx=5", "max_feature_idx=99999999999999", "features"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "out of range"),
        ("num_leaves=7", "num_leaves=8", "entries"),
    ] {
        assert!(lightgbm.contains(from), "{from}");
        let told = said(TreeEnsemble::from_lightgbm(&lightgbm.replacen(from, to, 1)));
        assert!(told.contains(word), "{from} -> {to}: {told}");
    }
    for (from, to, word) in [
        ("\"gbtree\"", "\"gblinear\"", "no trees"),
        ("binary:logistic", "mine", "`mine`"),
        (
            "\"num_feature\":\"6\",\"num_target\"",
            "\"num_feature\":\"1\",\"num_target\"",
            "a feature",
        ),
        ("\"left_children\":[1", "\"left_children\":[0", "another parent"),
    ] {
        assert!(xgboost.contains(from), "{from}");
        let told = said(TreeEnsemble::from_xgboost(&xgboost.replacen(from, to, 1)));
        assert!(told.contains(word), "{from} -> {to}: {told}");
    }
}

#[test]
fn splits_that_name_one_large_set_again_and_again_are_refused_before_they_fill_the_memory() {
    // 6,000 splits of 32,000 categories each would be 0.8 GB from a file of 100 KB.
    let (splits, words) = (6_000, 1_000);
    let repeat = |value: &str, count: usize| vec![value; count].join(" ");
    let right: Vec<String> = (0..splits).map(|i| format!("{}", -2 - i as i64)).collect();
    let left: Vec<String> = (1..splits).map(|i| i.to_string()).chain(["-1".to_owned()]).collect();
    let text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=binary sigmoid:1\n\
         feature_names=f0\n\nTree=0\nnum_leaves={}\nnum_cat=1\nsplit_feature={}\nthreshold={}\ndecision_type={}\nleft_child={}\n\
         right_child={}\nleaf_value={}\ncat_boundaries=0 {words}\ncat_threshold={}\n\nend of trees\n",
        splits + 1,
        repeat("0", splits),
        repeat("0", splits),
        repeat("1", splits),
        left.join(" "),
        right.join(" "),
        repeat("0", splits + 1),
        repeat("4294967295", words),
    );
    let told = TreeEnsemble::from_lightgbm(&text).expect_err("it was read").to_string();
    assert!(told.contains("too many categories"), "{told}");
}
