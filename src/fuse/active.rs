//! The fusion package in force, ready to compute with.

use super::package::{Mistake, Package, Policy};
use super::{Fuser, methods};
use crate::modality::Registry;
use crate::types::{Activation, EventTime, Span};
use std::sync::Arc;

/// A package that has been checked, with its method built.
pub(super) struct Active {
    pub package: Package,
    /// By modality, in registry order.
    pub policies: Vec<Policy>,
    pub fuser: Box<dyn Fuser>,
    pub digest: Arc<str>,
    pub text: Arc<str>,
    /// The modality that panes wait for.
    pub gating: Option<usize>,
    /// Out-of-orderness of the gating modality: how far behind the clocks panes fire when no lane gates.
    pub slack: Span,
    /// The longest time that any evidence can count or hold.
    pub longest: Span,
}

impl Active {
    /// Checks and builds a package. The digest is not compared here: see [`super::stage`].
    ///
    /// # Errors
    /// Every mistake in it.
    pub(super) fn build(
        activation: &Activation,
        registry: &Registry,
    ) -> Result<Self, Vec<Mistake>> {
        let package = Package::parse(&activation.package, registry)?;
        let members = package.members(registry);
        let fuser = methods::build(&package.method, &members)?;
        let policies: Vec<Policy> = members.iter().map(|(_, policy)| (*policy).clone()).collect();
        let gating = policies.iter().position(|policy| policy.gating);
        let slack = policies.iter().map(|p| p.out_of_orderness).max().unwrap_or(Span::ZERO);
        let slack = gating.and_then(|m| policies.get(m)).map_or(slack, |p| p.out_of_orderness);
        let longest = policies.iter().map(|p| p.hold_limit).max().unwrap_or(Span::ZERO);
        let (digest, text) = (Arc::from(activation.digest.as_str()), activation.package.clone());
        Ok(Self { package, policies, fuser, digest, text, gating, slack, longest })
    }

    /// The last window end at or before a time.
    pub(super) fn end_at_or_before(&self, time: EventTime) -> EventTime {
        let every = self.package.every.as_millis();
        EventTime::from_millis(time.as_millis().div_euclid(every).saturating_mul(every))
    }

    /// The first window end at or after a time.
    pub(super) fn end_at_or_after(&self, time: EventTime) -> EventTime {
        let floor = self.end_at_or_before(time);
        if floor == time { floor } else { floor + self.package.every }
    }

    /// The first window end after a time.
    pub(super) fn end_after(&self, time: EventTime) -> EventTime {
        self.end_at_or_before(time) + self.package.every
    }
}
