//! A scorer with its calibration: what the stage needs to say a risk.

use super::Scorer;
use super::features::{Features, UnknownColumn};
use crate::modality::Modality;
use crate::types::{ModelName, Outcome, Risk, Span};
use std::sync::Arc;

/// From a raw score to a calibrated risk; `None`: no risk can be given for it.
pub type Calibrate = Arc<dyn Fn(f64) -> Option<Risk> + Send + Sync>;

/// A model that can be put to work on a modality.
#[derive(Clone)]
pub struct ActiveModel {
    pub(super) scorer: Arc<dyn Scorer>,
    pub(super) name: ModelName,
    calibrate: Option<Calibrate>,
    modality: &'static Modality,
}

impl std::fmt::Debug for ActiveModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ActiveModel").field(&self.name).finish()
    }
}

impl ActiveModel {
    /// Checks that the modality has every column that the scorer asks for. Without `calibrate` its predictions are
    /// `uncalibrated` and never fused.
    ///
    /// # Errors
    /// The first column that the modality does not have.
    pub fn new(
        scorer: Arc<dyn Scorer>,
        calibrate: Option<Calibrate>,
        modality: &'static Modality,
    ) -> Result<Self, UnknownColumn> {
        Features::new(scorer.inputs(), modality, Span::ZERO)?;
        let name = ModelName::from(scorer.model());
        Ok(Self { scorer, name, calibrate, modality })
    }

    /// `name@version`.
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// How many hold the scorer, this one included: lanes that let go of it last must not bear what freeing it costs.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.scorer)
    }

    pub(super) fn features(&self, lookback: Span) -> Features {
        Features::new(self.scorer.inputs(), self.modality, lookback)
            .expect("`new` has seen every column")
    }

    pub(super) fn outcome(&self, score: Option<f64>) -> Outcome {
        match (score, &self.calibrate) {
            (None, _) => Outcome::Unscorable,
            (Some(_), None) => Outcome::Uncalibrated,
            (Some(score), Some(calibrate)) => {
                calibrate(score).map_or(Outcome::Unscorable, Outcome::Risk)
            }
        }
    }
}
