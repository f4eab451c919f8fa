//! A score of the lab panel from published bands only.
//!
//! The bands are published; their sum is not: it is a reference to beat, a research ordering. Creatinine counts twice on
//! purpose, by its level (SOFA) and by its rise (KDIGO). Values are compared in whole hundredths of their unit, so
//! that a rise from 1.0 to 1.3 is a rise of 0.3 (as floats it is not).

mod bands;

use super::rows::{Rows, ScoresBuilder};
use super::{FeatureSpec, Scorer, Scores, Statistic};
use crate::types::Span;
use arrow::array::RecordBatch;
use bands::{
    hundredths, kdigo_stage, lactate_band, sirs_leucocytes, sofa_coagulation, sofa_liver,
    sofa_renal,
};

/// One panel; `None` = not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Panel {
    /// 10^9/L, the same number as 10^3/uL.
    pub platelets: Option<f64>,
    /// Total, mg/dL.
    pub bilirubin: Option<f64>,
    /// mg/dL.
    pub creatinine: Option<f64>,
    /// Earlier creatinine, which KDIGO compares with.
    pub history: Option<CreatinineHistory>,
    /// mmol/L.
    pub lactate: Option<f64>,
    /// White blood cells, 10^9/L.
    pub wbc: Option<f64>,
}

/// Lowest creatinine lately, mg/dL, the present value included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreatinineHistory {
    /// Of 7 days.
    pub lowest_7_days: f64,
    /// Of 48 hours.
    pub lowest_48_hours: f64,
}

/// The six parts of the score, in this order: SOFA coagulation, SOFA liver, SOFA renal (creatinine only),
/// KDIGO stage by creatinine, lactate band, SIRS leucocytes.
pub type Parts = [Option<u8>; PARTS];

const PARTS: usize = 6;

/// Most points of each part: SOFA 4 each, KDIGO 3, lactate 2, SIRS 1.
pub const MOST: [u8; PARTS] = [4, 4, 4, 3, 2, 1];

/// The points of each part; `None` = not known. A single creatinine leaves the KDIGO stage unknown, not zero.
pub fn parts(panel: &Panel) -> Parts {
    let creatinine = panel.creatinine.map(hundredths);
    let lowest = panel.history.map(|h| [h.lowest_7_days, h.lowest_48_hours].map(hundredths));
    [
        panel.platelets.map(|v| sofa_coagulation(hundredths(v))),
        panel.bilirubin.map(|v| sofa_liver(hundredths(v))),
        creatinine.map(sofa_renal),
        creatinine.zip(lowest).map(|(now, [week, two_days])| kdigo_stage(now, week, two_days)),
        panel.lactate.map(|v| lactate_band(hundredths(v))),
        panel.wbc.map(|v| sirs_leucocytes(hundredths(v))),
    ]
}

/// Lowest and highest total possible; `None` where nothing is known.
pub fn bounds(parts: &Parts) -> Option<[u8; 2]> {
    let known: u8 = parts.iter().flatten().sum();
    let open: u8 = parts.iter().zip(MOST).filter(|(p, _)| p.is_none()).map(|(_, most)| most).sum();
    parts.iter().any(Option::is_some).then_some([known, known + open])
}

/// Scores the lab panel from the newest value of each analyte.
///
/// Raw score: the sum of the known parts, 0 to 18, which is also the lower bound; null where no part is known.
/// KDIGO needs 7 days of lookback; with less it compares with the lowest there is.
#[derive(Clone, Debug)]
pub struct LabPanelScorer {
    model: &'static str,
    inputs: [FeatureSpec; INPUTS],
}

const INPUTS: usize = 8;

impl LabPanelScorer {
    /// A scorer under the name `model` (`name@version`) whose values live so long.
    pub fn new(model: &'static str, time_to_live: Span) -> Self {
        let last =
            |column| FeatureSpec { column, statistic: Statistic::Last, within: time_to_live };
        let creatinine =
            |statistic, within| FeatureSpec { column: "creatinine_mg_per_dl", statistic, within };
        let inputs = [
            last("platelets_10e9_per_l"),
            last("bilirubin_mg_per_dl"),
            last("creatinine_mg_per_dl"),
            creatinine(Statistic::Min, Span::days(7)),
            creatinine(Statistic::Min, Span::hours(48)),
            creatinine(Statistic::Count, Span::days(7)),
            last("lactate_mmol_per_l"),
            last("wbc_10e9_per_l"),
        ];
        Self { model, inputs }
    }

    /// For wards: values live 24 hours.
    pub fn ward() -> Self {
        Self::new("lab-panel-ward@1", Span::hours(24))
    }

    /// For hourly charting: values live 36 hours.
    pub fn hourly() -> Self {
        Self::new("lab-panel-hourly@1", Span::hours(36))
    }
}

impl Scorer for LabPanelScorer {
    fn model(&self) -> &str {
        self.model
    }

    fn modality(&self) -> &'static str {
        "labs"
    }

    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }

    fn score(&self, features: &RecordBatch) -> Scores {
        let rows = Rows::<INPUTS>::of(features);
        let mut scores = ScoresBuilder::with_capacity(rows.len());
        for row in rows.iter() {
            scores.push(bounds(&parts(&panel(row))).map(|both| both.map(f64::from)));
        }
        scores.finish()
    }
}

/// A row of features in the order of the inputs.
fn panel(row: [Option<f64>; INPUTS]) -> Panel {
    let [platelets, bilirubin, creatinine, week, two_days, count, lactate, wbc] = row;
    let history =
        |(lowest_7_days, lowest_48_hours)| CreatinineHistory { lowest_7_days, lowest_48_hours };
    // One value has nothing to be compared with.
    let compared = count.is_some_and(|n| n >= 2.0);
    let history = week.zip(two_days).filter(|_| compared).map(history);
    Panel { platelets, bilirubin, creatinine, history, lactate, wbc }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::rows::batch;
    use arrow::array::Array;

    fn points(panel: Panel) -> Parts {
        parts(&panel)
    }

    #[test]
    fn the_worked_sofa_examples_come_out() {
        let examples = [
            (149.0, 1.2, 1.2, 3),
            (99.0, 2.0, 2.0, 6),
            (49.0, 6.0, 3.5, 9),
            (19.0, 12.0, 5.0, 12),
            (150.0, 1.1, 1.1, 0),
        ];
        for (platelets, bilirubin, creatinine, sofa) in examples {
            let panel = Panel {
                platelets: Some(platelets),
                bilirubin: Some(bilirubin),
                creatinine: Some(creatinine),
                ..Panel::default()
            };
            assert_eq!(points(panel)[..3].iter().flatten().sum::<u8>(), sofa, "{panel:?}");
        }
    }

    #[test]
    fn the_worked_kdigo_examples_come_out() {
        // Now, lowest of 7 days, lowest of 48 hours, stage.
        let examples = [
            (1.0, 1.0, 1.0, 0),
            (1.29, 1.0, 1.0, 0),
            (1.3, 1.0, 1.0, 1),
            (1.5, 1.0, 1.0, 1),
            (1.5, 1.0, 1.4, 1),
            (1.99, 1.0, 1.0, 1),
            (2.0, 1.0, 1.0, 2),
            (2.99, 1.0, 1.0, 2),
            (3.0, 1.0, 1.0, 3),
            (4.1, 3.6, 3.7, 3),
            (4.1, 3.9, 3.9, 0),
            (4.0, 2.6, 3.9, 3),
            (3.99, 3.5, 3.5, 1),
            (1.3, 1.0, 1.2, 0),
        ];
        for (creatinine, lowest_7_days, lowest_48_hours, stage) in examples {
            let history = Some(CreatinineHistory { lowest_7_days, lowest_48_hours });
            let panel = Panel { creatinine: Some(creatinine), history, ..Panel::default() };
            assert_eq!(points(panel)[3], Some(stage), "{panel:?}");
        }
    }

    #[test]
    fn a_rise_of_three_tenths_counts_from_every_start() {
        for start in 30..=380_i32 {
            let low = f64::from(start) / 100.0;
            let history = Some(CreatinineHistory { lowest_7_days: low, lowest_48_hours: low });
            let at = |more: i32| {
                let creatinine = Some(f64::from(start + more) / 100.0);
                points(Panel { creatinine, history, ..Panel::default() })[3]
            };
            assert!(at(30) >= Some(1), "{low} + 0.30");
            let half_more = 2 * 29 >= start;
            assert_eq!(at(29) >= Some(1), half_more, "{low} + 0.29");
        }
    }

    #[test]
    fn lactate_and_leucocyte_bands_have_their_published_edges() {
        let lactate = |v| points(Panel { lactate: Some(v), ..Panel::default() })[4];
        assert_eq!([1.99, 2.0, 3.9, 3.99, 4.0].map(lactate), [0, 1, 1, 1, 2].map(Some));
        let wbc = |v| points(Panel { wbc: Some(v), ..Panel::default() })[5];
        assert_eq!([3.99, 4.0, 12.0, 12.01].map(wbc), [1, 0, 0, 1].map(Some));
    }

    #[test]
    fn the_scorer_gives_null_for_nothing_and_bounds_for_the_rest() {
        let scorer = LabPanelScorer::ward();
        let rows: [&[(usize, f64)]; 4] = [
            &[(5, 0.0)],
            &[(6, 4.5)],
            &[(2, 1.3), (3, 1.3), (4, 1.3), (5, 1.0)],
            &[(0, 90.0), (1, 1.0), (2, 1.3), (3, 1.0), (4, 1.0), (5, 2.0), (6, 1.0), (7, 13.0)],
        ];
        let scores = scorer.score(&batch(&scorer, &rows));
        let [lower, upper] = scores.bounds.expect("the panel has bounds");
        let got: Vec<_> = (0..4)
            .map(|i| {
                scores
                    .score
                    .is_valid(i)
                    .then(|| [scores.score.value(i), lower.value(i), upper.value(i)])
            })
            .collect();
        let expected = [
            None,
            Some([2.0, 2.0, 18.0]),
            // One creatinine: its level is known, its course is not.
            Some([1.0, 1.0, 15.0]),
            Some([5.0, 5.0, 5.0]),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn absurd_values_do_not_overflow() {
        let history = Some(CreatinineHistory { lowest_7_days: 0.0, lowest_48_hours: -1e300 });
        let panel = Panel { creatinine: Some(1e300), history, ..Panel::default() };
        assert_eq!(points(panel)[3], Some(3));
    }
}
