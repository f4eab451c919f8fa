//! The utility of the PhysioNet/Computing in Cardiology Challenge 2019: early alarms for sepsis are worth something, late
//! ones less, missed ones and false ones cost.
//!
//! Source: Reyna et al., Crit Care Med 2020;48(2):210-217, and the challenge's published scoring program, from which the
//! constants and the worked example of the tests are.

/// Hours from an alarm to the onset of sepsis, and what alarms are worth (Reyna et al. 2020).
const EARLIEST: f64 = -12.0;
const OPTIMAL: f64 = -6.0;
const LATEST: f64 = 3.0;
const BEST_HIT: f64 = 1.0;
const WORST_MISS: f64 = -2.0;
const FALSE_ALARM: f64 = -0.05;

/// One stay by the hour: whether the data set's label says sepsis (it turns true six hours before onset), and whether
/// there is an alarm. Both of the same length; what is longer is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Hours<'a> {
    /// The label of each hour.
    pub labels: &'a [bool],
    /// The alarm of each hour.
    pub alarms: &'a [bool],
}

/// Hour of onset: six hours after the first true label; `None`: never.
fn onset(labels: &[bool]) -> Option<f64> {
    labels.iter().position(|label| *label).map(|first| first as f64 - OPTIMAL)
}

/// What an alarm, or none, is worth `since` hours after onset (negative: before it).
fn of_septic(since: f64, alarm: bool) -> f64 {
    if since > LATEST {
        return 0.0;
    }
    match (alarm, since <= OPTIMAL) {
        (true, true) => {
            let rising = BEST_HIT * (since - EARLIEST) / (OPTIMAL - EARLIEST);
            rising.max(FALSE_ALARM)
        }
        (true, false) => BEST_HIT * (LATEST - since) / (LATEST - OPTIMAL),
        (false, true) => 0.0,
        (false, false) => WORST_MISS * (since - OPTIMAL) / (LATEST - OPTIMAL),
    }
}

/// The utility of one stay: the sum over its hours. At most 9.5 or so; negative where alarms did harm.
pub fn utility(stay: Hours<'_>) -> f64 {
    let onset = onset(stay.labels);
    let hours = stay.labels.iter().zip(stay.alarms).zip(0_u32..);
    let of = |((_, alarm), hour): ((&bool, &bool), u32)| match onset {
        Some(onset) => of_septic(f64::from(hour) - onset, *alarm),
        None if *alarm => FALSE_ALARM,
        None => 0.0,
    };
    hours.map(of).sum()
}

/// The highest utility that any alarms could have for these labels: an alarm in each hour from twelve before onset to
/// three after it.
fn best(labels: &[bool]) -> f64 {
    let Some(onset) = onset(labels) else { return 0.0 };
    let inside = |hour: usize| (EARLIEST..=LATEST).contains(&(hour as f64 - onset));
    let alarms: Vec<bool> = (0..labels.len()).map(inside).collect();
    utility(Hours { labels, alarms: &alarms })
}

/// The normalised utility of a cohort: 1 for the best alarms, 0 for none at all; `None` where the two are worth the same.
pub fn normalised<'a>(stays: impl IntoIterator<Item = Hours<'a>>) -> Option<f64> {
    let (mut observed, mut highest, mut inaction) = (0.0, 0.0, 0.0);
    for stay in stays {
        let none = vec![false; stay.labels.len()];
        observed += utility(stay);
        highest += best(stay.labels);
        inaction += utility(Hours { labels: stay.labels, alarms: &none });
    }
    (highest > inaction).then(|| (observed - inaction) / (highest - inaction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::testing::near;

    fn bools(of: &[u8]) -> Vec<bool> {
        of.iter().map(|bit| *bit == 1).collect()
    }

    #[test]
    fn the_worked_example_of_the_challenge_agrees() {
        let (labels, alarms) = (bools(&[0, 0, 0, 0, 1, 1]), bools(&[0, 0, 1, 1, 1, 1]));
        let found = utility(Hours { labels: &labels, alarms: &alarms });
        assert!(near(found, 3.388_888_888_888_889), "{found}");
    }

    #[test]
    fn the_best_alarms_are_worth_one_and_none_are_worth_nothing() {
        let mut labels = vec![false; 40];
        labels[20..].fill(true);
        let well = vec![false; 30];
        // The label turns true six hours before onset, at hour 26: alarms from 14 to 29.
        let perfect: Vec<bool> = (0..40).map(|hour| (14..=29).contains(&hour)).collect();
        let of = |alarms: &[bool]| {
            let septic = Hours { labels: &labels, alarms };
            normalised([septic, Hours { labels: &well, alarms: &well }])
        };
        assert!(near(of(&perfect).expect("a septic stay"), 1.0));
        assert!(near(of(&[false; 40]).expect("a septic stay"), 0.0));
        let always = of(&[true; 40]).expect("a septic stay");
        assert!((0.0..1.0).contains(&always), "early alarms cost a little: {always}");
        assert_eq!(normalised([Hours { labels: &well, alarms: &well }]), None);
    }

    #[test]
    fn an_alarm_in_a_stay_without_sepsis_costs_a_twentieth() {
        let found = utility(Hours { labels: &[false; 3], alarms: &bools(&[0, 1, 1]) });
        assert!(near(found, -0.1));
    }

    #[test]
    fn no_other_alarms_of_a_short_stay_are_worth_more_than_the_best() {
        let mut compared = 0;
        for first in 0..10 {
            let labels: Vec<bool> = (0..10).map(|hour| hour >= first).collect();
            for bits in 0..1_u32 << 10 {
                let alarms: Vec<bool> = (0..10).map(|hour| bits >> hour & 1 == 1).collect();
                assert!(
                    utility(Hours { labels: &labels, alarms: &alarms }) <= best(&labels) + 1e-9
                );
                compared += 1;
            }
        }
        assert_eq!(compared, 10_240);
    }
}
