//! From the sum over the trees to a prediction in the units of the objective.

/// The inverse link of an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    /// As it is.
    Identity,
    /// `1 / (1 + exp(-factor * x))`, each output alone.
    Logistic(f64),
    /// `exp(x)`.
    Exp,
    /// `exp(x_k) / sum of exp(x)` over the outputs.
    Softmax,
    /// `sign(x) * x^2`: LightGBM's regression on square roots.
    SignedSquare,
    /// `ln(1 + exp(x))`: LightGBM's `cross_entropy_lambda`.
    Log1pExp,
    /// 1 above zero, else 0: XGBoost's `binary:hinge`.
    Hinge,
}

impl Link {
    /// Turns the margins of one row into predictions.
    pub(super) fn apply(self, row: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Softmax => softmax(row),
            _ => row.iter_mut().for_each(|x| *x = self.of(*x)),
        }
    }

    fn of(self, x: f64) -> f64 {
        match self {
            Self::Identity | Self::Softmax => x,
            Self::Logistic(factor) => 1.0 / (1.0 + (-factor * x).exp()),
            Self::Exp => x.exp(),
            Self::SignedSquare => x.signum() * x * x,
            Self::Log1pExp => x.exp().ln_1p(),
            Self::Hinge => f64::from(u8::from(x > 0.0)),
        }
    }
}

fn softmax(row: &mut [f64]) {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for x in &mut *row {
        *x = (*x - highest).exp();
        sum += *x;
    }
    row.iter_mut().for_each(|x| *x /= sum);
}
