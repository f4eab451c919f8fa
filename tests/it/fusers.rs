//! Law 6, for every method of the registry: a new method is held to it without a line here.

use crate::seeds::{Count, law};
use arrow::array::{Array, Float64Array};
use fastrand::Rng;
use latefusion::fuse::methods::{METHODS, Member, MethodEntry, build};
use latefusion::fuse::package::{Method, Policy};
use latefusion::fuse::{Evidence, Fused, Fuser};
use latefusion::types::Span;

const CASES: u64 = 3_000;

/// Evidence as rows of (risk, age in seconds) per modality.
type Row = Vec<Option<(f64, f64)>>;

fn policies(random: &mut Rng) -> Vec<Policy> {
    (0..random.usize(1..=5))
        .map(|_| Policy {
            validity: Span::hours(6),
            half_life: *random
                .choice(&[Span::ZERO, Span::millis(1), Span::minutes(10), Span::hours(48)])
                .expect("not empty"),
            hold_limit: Span::hours(12),
            gating: false,
            out_of_orderness: Span::ZERO,
            weight: if random.bool() { 1.0 } else { 10_f64.powf(random.f64() * 6.0 - 3.0) },
        })
        .collect()
}

fn risk(random: &mut Rng) -> f64 {
    match random.u8(0..10) {
        0 => 0.0,
        1 => 1.0,
        2 => random.f64() * 1e-7,
        3 => 1.0 - random.f64() * 1e-7,
        _ => random.f64(),
    }
}

fn row(random: &mut Rng, modalities: usize) -> Row {
    let absent = random.f64();
    let age = [0.0, 60.0, 86_400.0, 6e8];
    (0..modalities)
        .map(|_| {
            let old = random.f64() * random.choice(age).unwrap_or(0.0);
            (random.f64() >= absent).then(|| (risk(random), old))
        })
        .collect()
}

fn evidence(rows: &[Row], modalities: usize) -> Evidence {
    let column = |pick: fn(&(f64, f64)) -> f64| {
        move |m: usize| rows.iter().map(|row| row[m].as_ref().map(pick)).collect::<Float64Array>()
    };
    Evidence {
        risk: (0..modalities).map(column(|(risk, _)| *risk)).collect(),
        age_seconds: (0..modalities).map(column(|(_, age)| *age)).collect(),
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Parameters as training might write them, for the methods that are fitted: some patterns of them.
fn fitted(method: &str, modalities: usize, random: &mut Rng) -> toml::Table {
    let mut text = format!("prior = {}\n", 0.01 + 0.9 * random.f64());
    for mask in 1..1_usize << modalities {
        let present: Vec<&str> =
            (0..modalities).filter(|i| mask >> i & 1 == 1).map(|i| NAMES[i]).collect();
        if present.len() < 2 || random.bool() {
            continue;
        }
        let name = present.join("+");
        let mut number = |low: f64, high: f64| low + (high - low) * random.f64();
        let pattern = match method {
            "stack" => {
                let slope = |name: &&str| format!("{name} = {}\n", number(0.001, 2.0));
                let slopes: String = present.iter().map(slope).collect();
                format!("{slopes}intercept = {}\n", number(-2.0, 2.0))
            }
            "attention" | "boosted" => {
                format!("gain = {}\nintercept = {}\n", number(0.1, 3.0), number(-2.0, 2.0))
            }
            _ => continue,
        };
        let width = number(0.01, 3.0);
        text += &format!("[pattern.\"{name}\"]\n{pattern}half_width = {width}\n");
    }
    if method == "attention" {
        for name in NAMES.iter().take(modalities) {
            let mut number = || 4.0 * random.f64() - 2.0;
            let (bias, ageing, confidence) = (number(), number(), number());
            text += &format!(
                "[key.{name}]\nbias = {bias}\nageing = {ageing}\nconfidence = {confidence}\n"
            );
        }
    }
    if method == "boosted" && modalities >= 2 && random.bool() {
        text = format!("trees = '''\n{}'''\n{text}", trees());
    }
    text.parse().expect("it is TOML")
}

/// An ensemble of six features that the tree reader's tests have, its features named after two modalities.
fn trees() -> String {
    let names = "a_log_odds a_age_hours a_present b_log_odds b_age_hours b_present";
    include_str!("../data/models/lightgbm-binary.txt").replace("f0 f1 f2 f3 f4 f5", names)
}

/// Runs one case of a law for every method, each with its own policies.
fn each_method(name: &str, case: impl Fn(&MethodEntry, &dyn Fuser, usize, &mut Rng) -> Count) {
    for entry in METHODS {
        law(&format!("{}: {name}", entry.name), CASES, |seed| {
            let mut random = Rng::with_seed(seed);
            let policies = policies(&mut random);
            let members: Vec<Member<'_>> = NAMES.into_iter().zip(&policies).collect();
            // Of their own seed, so that a method without them meets the same rows whatever is fitted.
            let mut chosen = Rng::with_seed(!seed);
            let parameters = if chosen.bool() {
                toml::Table::new()
            } else {
                fitted(entry.name, members.len(), &mut chosen)
            };
            let method = Method { name: entry.name.to_owned(), parameters };
            let fuser = build(&method, &members).expect("the parameters are valid");
            case(entry, fuser.as_ref(), policies.len(), &mut random)
        });
    }
}

fn rows_of(fuser: &dyn Fuser, modalities: usize, random: &mut Rng) -> (Vec<Row>, Fused) {
    let rows: Vec<Row> = (0..random.usize(1..20)).map(|_| row(random, modalities)).collect();
    let fused = fuser.fuse(&evidence(&rows, modalities));
    (rows, fused)
}

fn bits(column: &Float64Array, i: usize) -> Option<u64> {
    column.is_valid(i).then(|| column.value(i).to_bits())
}

/// Every cell of a row, as bits.
fn row_bits(fused: &Fused, i: usize) -> Vec<Option<u64>> {
    let ends = [&fused.risk, &fused.lower, &fused.upper];
    ends.into_iter()
        .chain(&fused.weight)
        .chain(&fused.contribution)
        .map(|column| bits(column, i))
        .collect()
}

/// Compared this many values, without a disturbance.
fn compared(count: usize) -> Count {
    Count { compared: count as u64, faults: 0 }
}

#[test]
fn permuting_rows_permutes_the_results_bit_for_bit() {
    each_method("rows are independent", |_, fuser, modalities, random| {
        let (rows, fused) = rows_of(fuser, modalities, random);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        random.shuffle(&mut order);
        let shuffled: Vec<Row> = order.iter().map(|i| rows[*i].clone()).collect();
        let again = fuser.fuse(&evidence(&shuffled, modalities));
        for (now, before) in order.iter().enumerate() {
            assert_eq!(row_bits(&again, now), row_bits(&fused, *before));
            let alone = fuser.fuse(&evidence(&rows[*before..=*before], modalities));
            assert_eq!(row_bits(&alone, 0), row_bits(&fused, *before), "a batch of one");
        }
        compared(rows.len())
    });
}

#[test]
fn risk_and_interval_are_ordered_probabilities_and_null_exactly_where_all_is_absent() {
    each_method("ranges and nulls", |_, fuser, modalities, random| {
        let (rows, fused) = rows_of(fuser, modalities, random);
        for (i, row) in rows.iter().enumerate() {
            let present = row.iter().any(Option::is_some);
            for column in [&fused.risk, &fused.lower, &fused.upper] {
                assert_eq!(column.is_valid(i), present);
            }
            if present {
                let (lower, risk) = (fused.lower.value(i), fused.risk.value(i));
                let upper = fused.upper.value(i);
                let ordered = 0.0 <= lower && lower <= risk && risk <= upper && upper <= 1.0;
                assert!(ordered, "{lower} {risk} {upper}");
                assert!(risk.is_sign_positive(), "no negative zero");
            }
        }
        compared(rows.len())
    });
}

#[test]
fn weights_sum_to_one_and_an_absent_modality_has_exactly_none() {
    each_method("weights", |_, fuser, modalities, random| {
        let (rows, fused) = rows_of(fuser, modalities, random);
        for (i, row) in rows.iter().enumerate() {
            let mut sum = 0.0;
            for (m, cell) in row.iter().enumerate() {
                let (weight, contribution) =
                    (fused.weight[m].value(i), fused.contribution[m].value(i));
                assert!(weight.is_finite() && contribution.is_finite());
                assert_eq!(weight > 0.0, cell.is_some(), "a share exactly where present");
                assert!(cell.is_some() || (weight == 0.0 && contribution == 0.0));
                sum += weight;
            }
            let expected = if row.iter().any(Option::is_some) { 1.0 } else { 0.0 };
            assert!((sum - expected).abs() < 1e-12, "{sum}");
        }
        compared(rows.len() * modalities)
    });
}

#[test]
fn one_present_modality_gives_exactly_its_own_risk() {
    each_method("one present", |_, fuser, modalities, random| {
        let mut row: Row = vec![None; modalities];
        let m = random.usize(0..modalities);
        let own = risk(random);
        row[m] = Some((own, random.f64() * 1e6));
        let fused = fuser.fuse(&evidence(&[row], modalities));
        assert_eq!(fused.risk.value(0).to_bits(), own.to_bits());
        assert_eq!(fused.weight[m].value(0), 1.0);
        compared(1)
    });
}

#[test]
fn raising_one_risk_never_lowers_the_fused_one() {
    assert!(METHODS.iter().any(|entry| entry.monotone));
    each_method("monotone", |entry, fuser, modalities, random| {
        let before = row(random, modalities);
        let mut after = before.clone();
        let m = random.usize(0..modalities);
        let Some((risk, _)) = &mut after[m] else { return Count::default() };
        *risk += (1.0 - *risk) * if random.bool() { random.f64() } else { 1e-9 };
        let fused = fuser.fuse(&evidence(&[before, after], modalities));
        // Two roundings of the same sum may differ in the last places.
        let rises = fused.risk.value(1) >= fused.risk.value(0) - 1e-14;
        assert!(rises || !entry.monotone, "{:?}", fused.risk);
        Count { compared: 1, faults: u64::from(entry.monotone) }
    });
}

#[test]
fn removing_or_ageing_a_modality_never_narrows_the_interval() {
    each_method("interval width", |_, fuser, modalities, random| {
        let before = row(random, modalities);
        let (mut without, mut older) = (before.clone(), before.clone());
        let m = random.usize(0..modalities);
        without[m] = None;
        let Some((_, age)) = &mut older[m] else { return Count::default() };
        *age += random.f64() * 1e5;
        if without.iter().all(Option::is_none) {
            return Count::default();
        }
        let fused = fuser.fuse(&evidence(&[before, without, older], modalities));
        let log_odds = |p: f64| (p / (1.0 - p)).ln();
        // In log-odds, where the width is defined; relative to a risk that the floor has not cut off.
        let floored = |i: usize| !(1e-6..=1.0 - 1e-6).contains(&fused.risk.value(i));
        let width = |i: usize| log_odds(fused.upper.value(i)) - log_odds(fused.lower.value(i));
        // Next to 1 an end is only known to the last bit of 1 - p, whatever it stands for in log-odds.
        let end = |p: f64| f64::EPSILON / (1.0 - p);
        let rounding = |i: usize| end(fused.lower.value(i)) + end(fused.upper.value(i));
        let mut count = Count::default();
        for changed in [1, 2] {
            if !floored(0) && !floored(changed) {
                let (narrow, wide) = (width(0), width(changed));
                let slack = rounding(0) + rounding(changed);
                let wider = wide + slack >= narrow * (1.0 - 1e-9);
                assert!(wider || slack.is_infinite(), "{narrow} {wide}");
                count += Count { compared: 1, faults: 1 };
            }
        }
        count
    });
}
