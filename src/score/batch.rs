//! From statements to predictions: feature rows are collected record by record, scored once for a batch, and the
//! scores handed back to the records they came from. What a row holds is fixed when its record is taken, so that the
//! cut into batches never shows.

use super::Scores;
use super::affected::{Say, Sight, Statement, affected};
use super::calibrate::ActiveModel;
use super::features::Features;
use super::lookback::Lookback;
use super::packed::Spot;
use super::versions::Change;
use crate::types::{EventTime, ModelName, Outcome, Prediction, Span};
use arrow::array::{Array, Float64Array};

/// A model with the statements it still has to make.
pub(super) struct Pending {
    model: ActiveModel,
    features: Features,
    statements: Vec<Statement>,
    /// For each record, how many statements there are up to its end.
    ends: Vec<usize>,
}

/// The statements of one model, scored.
pub(super) struct Made {
    predictions: Vec<(Prediction, bool)>,
    ends: Vec<usize>,
}

impl Pending {
    pub(super) fn new(model: ActiveModel, lookback: Span) -> Self {
        let features = model.features(lookback);
        Self { model, features, statements: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn name(&self) -> &ModelName {
        &self.model.name
    }

    /// How many feature rows wait to be scored.
    pub(super) fn rows(&self) -> usize {
        self.features.rows()
    }

    /// Takes the statements that a change asks for. False when some were left out.
    pub(super) fn take(
        &mut self,
        lookback: &Lookback,
        change: &Change,
        forgotten: EventTime,
    ) -> bool {
        let start = self.statements.len();
        let sight = Sight { span: self.features.span(), forgotten };
        let complete = affected(lookback, change, sight, &mut self.statements);
        for statement in &self.statements[start..] {
            if statement.say == Say::Score {
                self.features.append(lookback, statement.spot);
            }
        }
        self.ends.push(self.statements.len());
        complete
    }

    /// Takes one statement that needs no score, or none.
    pub(super) fn take_unscored(&mut self, statement: Option<(Spot, Say)>) {
        self.statements.extend(statement.map(|(spot, say)| Statement {
            spot,
            say,
            predecessor: false,
        }));
        self.ends.push(self.statements.len());
    }

    /// Scores everything taken since the last call.
    pub(super) fn score(&mut self) -> Made {
        let rows = self.features.rows();
        let batch = if rows == 0 { None } else { self.features.take() };
        let scores = batch.map(|batch| self.model.scorer.score(&batch));
        debug_assert!(
            scores.as_ref().is_none_or(|s| s.score.len() == rows),
            "a scorer answers every row"
        );
        let mut row = 0;
        let mut prediction = |statement: Statement| {
            let Spot { event_time, issued } = statement.spot;
            let (outcome, score, bounds) = match statement.say {
                Say::Pending => (Outcome::Pending, None, None),
                Say::Withdrawn => (Outcome::Withdrawn, None, None),
                Say::Rejected => (Outcome::Rejected, None, None),
                Say::Score => {
                    row += 1;
                    let raw = scores.as_ref().and_then(|scores| at(&scores.score, row - 1));
                    let bounds = scores.as_ref().and_then(|scores| bounds(scores, row - 1));
                    (self.model.outcome(raw), raw, bounds)
                }
            };
            (Prediction { event_time, issued, outcome, score, bounds }, statement.predecessor)
        };
        let predictions = self.statements.drain(..).map(&mut prediction).collect();
        Made { predictions, ends: std::mem::take(&mut self.ends) }
    }
}

impl Made {
    /// The predictions of record `i`, without the predecessors that are not needed: going back from what was lost, the
    /// first that is scored and was known when the lost one was suffices.
    pub(super) fn of_record(&self, i: usize, lost: Option<Spot>) -> Vec<Prediction> {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        let made = &self.predictions[start..self.ends[i]];
        let Some(lost) = lost else {
            return made.iter().map(|(prediction, _)| *prediction).collect();
        };
        let suffices = |(prediction, _): &(Prediction, bool)| {
            let scored = matches!(prediction.outcome, Outcome::Risk(_) | Outcome::Uncalibrated);
            scored && prediction.event_time <= lost.event_time && prediction.issued <= lost.issued
        };
        let from = made.iter().rposition(suffices).unwrap_or(0);
        let needed =
            |(i, (_, predecessor)): &(usize, &(Prediction, bool))| *i >= from || !predecessor;
        made.iter().enumerate().filter(needed).map(|(_, (prediction, _))| *prediction).collect()
    }

    /// How many predictions could not be scored.
    pub(super) fn unscorable(&self) -> u64 {
        self.predictions.iter().filter(|(p, _)| p.outcome == Outcome::Unscorable).count() as u64
    }
}

/// A finite number of a column, if there is one at `row`.
fn at(column: &Float64Array, row: usize) -> Option<f64> {
    (row < column.len() && column.is_valid(row))
        .then(|| column.value(row))
        .filter(|value| value.is_finite())
}

/// Lowest and highest possible score; `None` where they say no more than the score.
fn bounds(scores: &Scores, row: usize) -> Option<[f64; 2]> {
    let [lowest, highest] = scores.bounds.as_ref()?;
    let (lowest, highest) = (at(lowest, row)?, at(highest, row)?);
    (lowest < highest).then_some([lowest, highest])
}
