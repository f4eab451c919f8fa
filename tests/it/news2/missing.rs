//! What an incomplete score may say.

use super::chart::corners;
use super::{complete, normal};
use latefusion::score::news2::{
    ClinicalBand, Consciousness, News2, Parameter, Parameters, Spo2Scale, news2,
};

/// What is measured under a mask, one bit for each parameter.
fn masked(p: &Parameters, mask: u8) -> Parameters {
    let keep = |parameter: Parameter| mask >> parameter as u8 & 1 == 1;
    Parameters {
        respiratory_rate: p.respiratory_rate.filter(|_| keep(Parameter::RespiratoryRate)),
        spo2: p.spo2.filter(|_| keep(Parameter::Spo2)),
        scale: p.scale,
        on_oxygen: p.on_oxygen.filter(|_| keep(Parameter::Oxygen)),
        systolic_pressure: p.systolic_pressure.filter(|_| keep(Parameter::SystolicPressure)),
        pulse: p.pulse.filter(|_| keep(Parameter::Pulse)),
        consciousness: p.consciousness.filter(|_| keep(Parameter::Consciousness)),
        gcs_total: None,
        temperature: p.temperature.filter(|_| keep(Parameter::Temperature)),
    }
}

/// Every completion of what is missing, over one value for each number of points.
fn completions(p: &Parameters) -> Vec<Parameters> {
    let mut all = vec![*p];
    let mut fill = |is_missing: bool, values: &[f64], set: fn(&mut Parameters, f64)| {
        if is_missing {
            let filled = |p: &Parameters| {
                let p = *p;
                values
                    .iter()
                    .map(move |v| {
                        let mut q = p;
                        set(&mut q, *v);
                        q
                    })
                    .collect::<Vec<_>>()
            };
            all = all.iter().flat_map(filled).collect();
        }
    };
    fill(p.respiratory_rate.is_none(), &[16.0, 10.0, 22.0, 30.0], |p, v| {
        p.respiratory_rate = Some(v)
    });
    fill(p.spo2.is_none(), &[99.0, 98.0, 95.0, 93.0, 90.0, 87.0, 85.0, 80.0], |p, v| {
        p.spo2 = Some(v)
    });
    fill(p.on_oxygen.is_none(), &[0.0, 1.0], |p, v| p.on_oxygen = Some(v == 1.0));
    fill(p.systolic_pressure.is_none(), &[120.0, 105.0, 95.0, 80.0], |p, v| {
        p.systolic_pressure = Some(v)
    });
    fill(p.pulse.is_none(), &[70.0, 45.0, 120.0, 140.0], |p, v| p.pulse = Some(v));
    fill(p.consciousness.is_none(), &[0.0, 1.0], |p, v| {
        p.consciousness =
            Some(if v == 0.0 { Consciousness::Alert } else { Consciousness::NewConfusion });
    });
    fill(p.temperature.is_none(), &[37.0, 38.5, 40.0, 34.0], |p, v| p.temperature = Some(v));
    all
}

#[test]
fn bounds_and_bands_of_an_incomplete_score_are_exactly_what_completing_it_can_give() {
    let mut random = fastrand::Rng::with_seed(7);
    let all = corners();
    let (mut compared, mut settling) = (0, 0);
    while compared < 1_500 {
        // The lowest of four: most combinations are settled high whatever is missing.
        let whole = lowest_of([(); 4].map(|()| all[random.usize(..all.len())]));
        let mask = random.u8(..128) | 1 << random.u8(..7) | 1 << random.u8(..7);
        let partial = masked(&whole, mask);
        let got = news2(&partial);
        let outcomes: Vec<News2> = completions(&partial).iter().map(news2).collect();
        let totals = || outcomes.iter().filter_map(|o| o.total);
        let bands = || outcomes.iter().filter_map(News2::band);
        assert_eq!(Some(got.bounds[0]), totals().min(), "{partial:?}");
        assert_eq!(Some(got.bounds[1]), totals().max(), "{partial:?}");
        assert_eq!(
            [Some(got.bands[0]), Some(got.bands[1])],
            [bands().min(), bands().max()],
            "{partial:?}"
        );
        assert_eq!(got.missing.len(), 7 - (mask & 127).count_ones() as usize);
        for parameter in Parameter::ALL {
            settling += usize::from(settles_as_claimed(&got, parameter, &partial, mask));
        }
        compared += 1;
    }
    assert!(settling > 100, "only {settling} settling parameters were seen");
}

fn lowest_of(drawn: [Parameters; 4]) -> Parameters {
    drawn.into_iter().min_by_key(|p| news2(p).total).expect("four were drawn")
}

/// Checks the claims about one parameter against brute force; true where it settles the band for certain.
fn settles_as_claimed(got: &News2, parameter: Parameter, partial: &Parameters, mask: u8) -> bool {
    let claimed = [got.settled_by.contains(parameter), got.may_be_settled_by.contains(parameter)];
    if !got.missing.contains(parameter) || got.band().is_some() {
        assert_eq!(claimed, [false; 2], "{parameter:?} in {partial:?}");
        return false;
    }
    let settled: Vec<bool> = completions(partial)
        .iter()
        .map(|full| news2(&masked(full, mask | 1 << parameter as u8)).band().is_some())
        .collect();
    let always = settled.iter().all(|settled| *settled);
    let ever = settled.iter().any(|settled| *settled);
    assert_eq!(claimed, [always, ever], "{parameter:?} in {partial:?}");
    always
}

#[test]
fn nothing_measured_is_no_score_and_leaves_everything_possible() {
    let got = news2(&Parameters::default());
    assert_eq!((got.total, got.band(), got.bounds), (None, None, [0, 20]));
    assert_eq!(got.bands, [ClinicalBand::Low, ClinicalBand::High]);
    assert_eq!(got.missing.iter().collect::<Vec<_>>(), Parameter::ALL);
}

#[test]
fn the_band_is_settled_before_the_score_is_complete_once_nothing_can_change_it() {
    let got = news2(&Parameters {
        temperature: None,
        ..complete(30.0, 85.0, (true, Spo2Scale::One), 85.0, 72.0, 'A', 0.0)
    });
    assert_eq!((got.total, got.band()), (None, Some(ClinicalBand::High)));
    assert!(got.settled_by.is_empty() && got.may_be_settled_by.is_empty());
}

#[test]
fn the_measurement_that_settles_the_band_is_named() {
    let got = news2(&Parameters { consciousness: None, ..normal() });
    assert_eq!(got.bands, [ClinicalBand::Low, ClinicalBand::LowMedium]);
    assert_eq!(got.settled_by.iter().collect::<Vec<_>>(), [Parameter::Consciousness]);
}
