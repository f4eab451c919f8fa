//! Steps of a sequence: the lookback cut into stretches of equal length, and a mean of each column in each.

use super::lookback::Lookback;
use super::packed::{Observed, columns};
use crate::types::{MAX_COLUMNS, Span};
use std::collections::BTreeMap;

/// The step features of one model. One pass over the lookback fills all of them, however many they are.
pub(super) struct Steps {
    /// Milliseconds; nothing older is looked at.
    lookback: i64,
    /// One for each length of step.
    grids: Vec<Grid>,
    /// Where each feature's sum stands: grid and place.
    places: BTreeMap<usize, (usize, usize)>,
}

struct Grid {
    /// Milliseconds.
    step: i64,
    /// How many steps.
    count: i64,
    mask: u64,
    /// \[steps x columns of the modality\] count and sum of the values, in steps of resolution.
    sums: Vec<(i64, i64)>,
}

impl Steps {
    pub(super) fn new(lookback: Span) -> Self {
        Self { lookback: lookback.as_millis(), grids: Vec::new(), places: BTreeMap::new() }
    }

    /// Adds the feature at `index` of the model's inputs.
    pub(super) fn add(&mut self, index: usize, column: u8, step: Span, back: u16) {
        let step = step.as_millis().max(1);
        let found = self.grids.iter().position(|grid| grid.step == step);
        let at = found.unwrap_or_else(|| {
            self.grids.push(Grid { step, count: 0, mask: 0, sums: Vec::new() });
            self.grids.len() - 1
        });
        let grid = &mut self.grids[at];
        grid.mask |= 1 << column;
        grid.count = grid.count.max(i64::from(back) + 1);
        grid.sums.resize(grid.count as usize * MAX_COLUMNS, (0, 0));
        let place = usize::from(back) * MAX_COLUMNS + usize::from(column);
        self.places.insert(index, (at, place));
    }

    /// How far back the oldest step reaches, in milliseconds, at most the lookback; 0 where there are none.
    pub(super) fn reach(&self) -> i64 {
        let reach = self.grids.iter().map(|grid| grid.step.saturating_mul(grid.count)).max();
        reach.unwrap_or(0).min(self.lookback)
    }

    /// Fills the sums from the rows known, newest first, as of an event time in milliseconds.
    pub(super) fn collect(
        &mut self,
        known: impl Iterator<Item = Observed>,
        lookback: &Lookback,
        at: i64,
    ) {
        let reach = self.reach();
        self.grids.iter_mut().for_each(|grid| grid.sums.fill((0, 0)));
        for row in known.take_while(|row| at - row.time < reach) {
            for grid in &mut self.grids {
                let back = (at - row.time) / grid.step;
                if back >= grid.count {
                    continue;
                }
                for column in columns(row.mask & grid.mask) {
                    let sum = &mut grid.sums[back as usize * MAX_COLUMNS + column as usize];
                    sum.0 += 1;
                    sum.1 += i64::from(lookback.steps(&row, column));
                }
            }
        }
    }

    /// Mean of a feature's step in steps of resolution; `None`: nothing was observed in it.
    pub(super) fn mean(&self, index: usize) -> Option<f64> {
        let (grid, place) = self.places.get(&index)?;
        let (count, sum) = self.grids[*grid].sums[*place];
        (count > 0).then(|| sum as f64 / count as f64)
    }
}
