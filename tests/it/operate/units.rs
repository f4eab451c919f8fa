//! The unit that a query's result has, worked out from the names of its metrics.

use super::promql::children;
use promql_parser::parser::{BinaryExpr, Expr};

/// A unit, as far as panels tell them apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// A plain number, or one whose unit is not known.
    Number,
    Count,
    Seconds,
    /// An instant, in seconds since 1970.
    Instant,
    Bytes,
    Ratio,
    PerSecond,
    PerMinute,
    PerHour,
}

impl Unit {
    /// The Grafana units that show it rightly.
    pub(super) const fn shown_as(self) -> &'static [&'static str] {
        match self {
            Self::Number => &["none", "short"],
            Self::Count => &["short"],
            Self::Seconds => &["s"],
            Self::Instant => &["dateTimeAsIso"],
            Self::Bytes => &["bytes"],
            Self::Ratio => &["percentunit", "suffix:x", "none", "short"],
            Self::PerSecond => &["cps"],
            Self::PerMinute => &["cpm"],
            Self::PerHour => &["suffix:/h"],
        }
    }
}

/// The unit of a metric, by its name.
fn of_name(name: &str) -> Unit {
    let name = name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_total");
    match name {
        _ if name.ends_with("_timestamp_seconds") || name.ends_with("start_time_seconds") => {
            Unit::Instant
        }
        _ if name.ends_with("_count") => Unit::Count,
        _ if name.ends_with("_seconds") => Unit::Seconds,
        _ if name.ends_with("_bytes") => Unit::Bytes,
        _ if name.ends_with("_ratio") => Unit::Ratio,
        _ if name.ends_with("_difference") => Unit::Number,
        _ => Unit::Count,
    }
}

/// The unit of a query's result.
pub(super) fn of(expr: &Expr) -> Unit {
    match expr {
        Expr::NumberLiteral(_) => Unit::Number,
        Expr::VectorSelector(selector) => of_name(selector.name.as_deref().unwrap_or_default()),
        Expr::MatrixSelector(selector) => of_name(selector.vs.name.as_deref().unwrap_or_default()),
        Expr::Call(call) => {
            let mut inner = call.args.args.iter().map(|argument| of(argument));
            match call.func.name {
                "time" => Unit::Instant,
                "ln" => Unit::Number,
                "rate" => match inner.next_back() {
                    // Processor seconds a second: cores.
                    Some(Unit::Seconds) if !is_bucket(expr) => Unit::Ratio,
                    _ if is_bucket(expr) => Unit::Count,
                    _ => Unit::PerSecond,
                },
                "histogram_quantile" => bucket(expr).map_or(Unit::Number, of_name),
                _ => inner.find(|unit| *unit != Unit::Number).unwrap_or(Unit::Number),
            }
        }
        Expr::Binary(binary) => of_binary(binary),
        other => children(other).first().map_or(Unit::Number, |inner| of(inner)),
    }
}

fn of_binary(BinaryExpr { op, lhs, rhs, .. }: &BinaryExpr) -> Unit {
    let (left, right) = (of(lhs), of(rhs));
    match op.to_string().as_str() {
        "-" if (left, right) == (Unit::Instant, Unit::Instant) => Unit::Seconds,
        "/" if right == Unit::Number => left,
        "/" if left == right || is_bucket(lhs) => Unit::Ratio,
        "/" => Unit::Number,
        "*" => match (&**lhs, right) {
            (Expr::NumberLiteral(by), Unit::PerSecond) if by.val == 60.0 => Unit::PerMinute,
            (Expr::NumberLiteral(by), Unit::PerSecond) if by.val == 3_600.0 => Unit::PerHour,
            (Expr::NumberLiteral(_), unit) => unit,
            _ => left,
        },
        "+" | "-" if left == Unit::Number => right,
        _ => left,
    }
}

fn bucket(expr: &Expr) -> Option<&str> {
    if let Expr::MatrixSelector(selector) = expr {
        return selector.vs.name.as_deref().filter(|name| name.ends_with("_bucket"));
    }
    children(expr).into_iter().find_map(bucket)
}

fn is_bucket(expr: &Expr) -> bool {
    bucket(expr).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::promql::parse;
    use super::*;

    #[test]
    fn units_follow_from_names() {
        let cases = [
            ("sum(active_patients)", Unit::Count),
            ("sum(rate(events_total[5m]))", Unit::PerSecond),
            ("60 * sum(rate(events_total[5m]))", Unit::PerMinute),
            ("sum(fresh_patients) / sum(active_patients)", Unit::Ratio),
            ("time() - max(last_output_timestamp_seconds > 0)", Unit::Seconds),
            ("histogram_quantile(0.9, sum by (le) (rate(age_seconds_bucket[5m])))", Unit::Seconds),
            ("histogram_quantile(0.9, sum by (le) (rate(x_difference_bucket[5m])))", Unit::Number),
            ("rate(process_cpu_seconds_total[5m])", Unit::Ratio),
            ("process_resident_memory_bytes", Unit::Bytes),
            (
                "(1 - sum(rate(a_seconds_bucket[5m])) / sum(rate(a_seconds_count[5m]))) / 0.001",
                Unit::Ratio,
            ),
        ];
        for (query, unit) in cases {
            assert_eq!(of(&parse(query).expect("it parses")), unit, "{query}");
        }
    }
}
