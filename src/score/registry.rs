//! The scorers that ship: a new one is one file and one line here.

use super::Scorer;
use super::imaging::ImagingScorer;
use super::lab_panel::LabPanelScorer;
use super::news2::News2Scorer;
use std::sync::Arc;

/// Every shipped scorer, in a fixed order. Each names itself ([`Scorer::model`]); no two share a name.
pub fn shipped() -> Vec<Arc<dyn Scorer>> {
    vec![
        Arc::new(News2Scorer::ward()),
        Arc::new(News2Scorer::hourly()),
        Arc::new(LabPanelScorer::ward()),
        Arc::new(LabPanelScorer::hourly()),
        Arc::new(ImagingScorer::ward()),
        Arc::new(ImagingScorer::hourly()),
    ]
}

/// The shipped scorer of this name (`name@version`).
pub fn find(model: &str) -> Option<Arc<dyn Scorer>> {
    shipped().into_iter().find(|scorer| scorer.model() == model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Scores;
    use crate::score::rows::batch;
    use arrow::array::{Array, Float64Array};

    fn random_rows(inputs: usize, random: &mut fastrand::Rng) -> Vec<Vec<(usize, f64)>> {
        let value = |random: &mut fastrand::Rng| match random.u8(..4) {
            0 => f64::from(random.i32(0..3)),
            1 => random.f64(),
            2 => f64::from(random.i32(0..2500)) / 10.0,
            _ => [f64::NAN, f64::INFINITY, -1.0, 1e300][random.usize(..4)],
        };
        let row = |random: &mut fastrand::Rng| {
            (0..inputs)
                .filter(|_| random.bool())
                .collect::<Vec<_>>()
                .into_iter()
                .map(|i| (i, value(random)))
                .collect()
        };
        (0..200).map(|_| row(random)).collect()
    }

    /// All columns as bits, so that equal means equal to the last one.
    fn bits(scores: &Scores) -> Vec<Vec<Option<u64>>> {
        let of = |column: &Float64Array| column.iter().map(|v| v.map(f64::to_bits)).collect();
        std::iter::once(&scores.score).chain(scores.bounds.iter().flatten()).map(of).collect()
    }

    #[test]
    fn every_scorer_has_its_own_name_and_is_found_by_it() {
        let names: std::collections::BTreeSet<_> =
            shipped().iter().map(|s| s.model().to_owned()).collect();
        assert_eq!(names.len(), shipped().len());
        assert!(names.iter().all(|name| name.contains('@') && find(name).is_some()));
        assert!(find("nobody@1").is_none());
    }

    #[test]
    fn every_column_that_a_scorer_asks_for_is_in_its_modality() {
        let modalities = crate::modality::Registry::shipped();
        let mut compared = 0;
        for scorer in shipped() {
            let (_, modality) = modalities.find(scorer.modality()).expect("a shipped modality");
            for input in scorer.inputs() {
                let found = modality.column(input.column).is_some();
                assert!(found, "{} asks for {}", scorer.model(), input.column);
                compared += 1;
            }
        }
        assert!(compared >= 2 * (9 + 8 + 18), "only {compared} columns were compared");
    }

    #[test]
    fn every_scorer_is_total_and_knows_nothing_of_nothing() {
        for scorer in shipped() {
            let scores = scorer.score(&batch(&*scorer, &[&[], &[]]));
            assert_eq!(
                (scores.score.len(), scores.score.null_count()),
                (2, 2),
                "{}",
                scorer.model()
            );
            assert_eq!(scorer.score(&batch(&*scorer, &[])).score.len(), 0, "{}", scorer.model());
        }
    }

    #[test]
    fn the_cut_into_batches_never_shows_and_scores_are_finite_and_within_their_bounds() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut compared = 0;
        for scorer in shipped() {
            let rows = random_rows(scorer.inputs().len(), &mut random);
            let rows: Vec<&[(usize, f64)]> = rows.iter().map(Vec::as_slice).collect();
            let whole = scorer.score(&batch(&*scorer, &rows));
            let cut = random.usize(1..rows.len());
            let parts = [&rows[..cut], &rows[cut..]]
                .map(|part| bits(&scorer.score(&batch(&*scorer, part))));
            let [first, second] = parts;
            let joined: Vec<Vec<_>> =
                first.into_iter().zip(second).map(|(a, b)| [a, b].concat()).collect();
            assert_eq!(bits(&whole), joined, "{} cut at {cut}", scorer.model());
            for i in (0..rows.len()).filter(|i| whole.score.is_valid(*i)) {
                let score = whole.score.value(i);
                let within = whole
                    .bounds
                    .as_ref()
                    .is_none_or(|[low, high]| low.value(i) <= score && score <= high.value(i));
                assert!(score.is_finite() && within, "{} row {i}: {score}", scorer.model());
                compared += 1;
            }
        }
        assert!(compared > 500, "only {compared} scores were compared");
    }
}
