//! PromQL read against the metrics that are exported: names, labels, matchers, rates.

use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Expr, LabelModifier, MatrixSelector, VectorMatchCardinality,
    VectorSelector,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What stands for `$__rate_interval` while a query is read.
pub(super) const RATE_INTERVAL: Duration = Duration::from_secs(253);

/// Functions of a range that a counter needs.
const RATES: [&str; 3] = ["rate", "increase", "irate"];

/// A series family as it is scraped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    pub(super) is_counter: bool,
    pub(super) labels: BTreeSet<String>,
}

/// Everything that a query may name, by name: histograms as their three families.
#[derive(Clone, Default)]
pub(super) struct Contract(pub(super) BTreeMap<String, Family>);

/// One selector of a query, with what stands around it.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) name: String,
    pub(super) matchers: Matchers,
    /// The range function around it, and the range.
    pub(super) range: Option<(String, Duration)>,
}

impl Contract {
    pub(super) fn add(&mut self, name: &str, is_counter: bool, labels: &[&str]) {
        let always = ["job", "instance"].iter();
        let labels = labels.iter().chain(always).map(|label| (*label).to_owned()).collect();
        self.0.insert(name.to_owned(), Family { is_counter, labels });
    }

    pub(super) fn add_histogram(&mut self, name: &str, labels: &[&str]) {
        self.add(&format!("{name}_bucket"), true, &[labels, &["le"]].concat());
        self.add(&format!("{name}_sum"), true, labels);
        self.add(&format!("{name}_count"), true, labels);
    }

    /// Adds what recording rules record, in their order.
    pub(super) fn add_recorded(&mut self, name: &str, expr: &Expr) {
        let labels = self.labels_of(expr);
        self.0.insert(name.to_owned(), Family { is_counter: false, labels });
    }

    /// The labels that the result of a query has.
    pub(super) fn labels_of(&self, expr: &Expr) -> BTreeSet<String> {
        match expr {
            Expr::VectorSelector(selector) => self.labels_of_selector(selector),
            Expr::MatrixSelector(MatrixSelector { vs, .. }) => self.labels_of_selector(vs),
            Expr::Aggregate(AggregateExpr { expr, modifier, op, .. }) => {
                let inner = self.labels_of(expr);
                match modifier {
                    Some(LabelModifier::Include(by)) => by.labels.iter().cloned().collect(),
                    Some(LabelModifier::Exclude(out)) => {
                        inner.into_iter().filter(|label| !out.labels.contains(label)).collect()
                    }
                    None if op.to_string() == "topk" => inner,
                    None => BTreeSet::new(),
                }
            }
            Expr::Call(call) => {
                let mut labels = BTreeSet::new();
                for argument in &call.args.args {
                    labels.extend(self.labels_of(argument));
                }
                match call.func.name {
                    "histogram_quantile" => drop(labels.remove("le")),
                    "label_replace" => {
                        if let Some(Expr::StringLiteral(label)) =
                            call.args.args.get(1).map(|a| &**a)
                        {
                            labels.insert(label.val.clone());
                        }
                    }
                    _ => {}
                }
                labels
            }
            Expr::Binary(BinaryExpr { lhs, rhs, modifier, .. }) => {
                let (left, right) = (self.labels_of(lhs), self.labels_of(rhs));
                let is_number = |expr: &Expr| matches!(expr, Expr::NumberLiteral(_));
                let many = modifier.as_ref().map(|modifier| &modifier.card);
                match many {
                    _ if is_number(lhs) || left.is_empty() => right,
                    Some(VectorMatchCardinality::OneToMany(_)) => right,
                    _ => left,
                }
            }
            Expr::Paren(inner) => self.labels_of(&inner.expr),
            Expr::Unary(inner) => self.labels_of(&inner.expr),
            Expr::Subquery(inner) => self.labels_of(&inner.expr),
            _ => BTreeSet::new(),
        }
    }

    fn labels_of_selector(&self, selector: &VectorSelector) -> BTreeSet<String> {
        let family = selector.name.as_ref().and_then(|name| self.0.get(name));
        family.map(|family| family.labels.clone()).unwrap_or_default()
    }

    /// What is wrong with a query: unknown names and labels, counters without a rate, rates of gauges, groups by labels that are not there.
    pub(super) fn faults(&self, expr: &Expr) -> Vec<String> {
        let mut faults = Vec::new();
        for used in uses(expr) {
            let Some(family) = self.0.get(&used.name) else {
                faults.push(format!("nothing exports {}", used.name));
                continue;
            };
            for matcher in &used.matchers.matchers {
                if !family.labels.contains(&matcher.name) {
                    faults.push(format!("{} has no label {}", used.name, matcher.name));
                }
            }
            let is_rate = used.range.as_ref().is_some_and(|(by, _)| RATES.contains(&&**by));
            if family.is_counter && !is_rate {
                faults.push(format!("{} is a counter without a rate", used.name));
            }
            if !family.is_counter && is_rate {
                faults.push(format!("{} is a gauge under a rate", used.name));
            }
        }
        self.groups(expr, &mut faults);
        faults
    }

    fn groups(&self, expr: &Expr, faults: &mut Vec<String>) {
        let mut check = |wanted: &[String], there: &BTreeSet<String>| {
            let missing = wanted.iter().filter(|label| !there.contains(*label));
            faults.extend(
                missing.map(|label| format!("groups or joins by {label}, which is not there")),
            );
        };
        if let Expr::Aggregate(AggregateExpr {
            expr,
            modifier: Some(LabelModifier::Include(by)),
            ..
        }) = expr
        {
            check(&by.labels, &self.labels_of(expr));
        }
        if let Expr::Binary(BinaryExpr { lhs, rhs, modifier: Some(modifier), .. }) = expr
            && let Some(LabelModifier::Include(on)) = &modifier.matching
        {
            check(&on.labels, &self.labels_of(lhs));
            check(&on.labels, &self.labels_of(rhs));
        }
        for child in children(expr) {
            self.groups(child, faults);
        }
    }
}

/// Parses a query of a dashboard or rule.
pub(super) fn parse(query: &str) -> Result<Expr, String> {
    let rate_interval = format!("{}s", RATE_INTERVAL.as_secs());
    promql_parser::parser::parse(&query.replace("$__rate_interval", &rate_interval))
}

/// Every selector of a query.
pub(super) fn uses(expr: &Expr) -> Vec<Use> {
    let mut found = Vec::new();
    collect(expr, "", &mut found);
    found
}

fn collect(expr: &Expr, function: &str, found: &mut Vec<Use>) {
    let mut add = |selector: &VectorSelector, range| {
        let named = selector.matchers.find_matchers("__name__").into_iter().next();
        let name = selector.name.clone().or_else(|| named.map(|matcher| matcher.value));
        let matchers = selector.matchers.clone();
        found.push(Use { name: name.unwrap_or_default(), matchers, range });
    };
    match expr {
        Expr::VectorSelector(selector) => add(selector, None),
        Expr::MatrixSelector(MatrixSelector { vs, range }) => {
            add(vs, Some((function.to_owned(), *range)));
        }
        Expr::Call(call) => {
            call.args.args.iter().for_each(|inner| collect(inner, call.func.name, found));
        }
        other => children(other).into_iter().for_each(|inner| collect(inner, "", found)),
    }
}

pub(super) fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(AggregateExpr { expr, .. }) => vec![expr],
        Expr::Binary(BinaryExpr { lhs, rhs, .. }) => vec![lhs, rhs],
        Expr::Paren(inner) => vec![&inner.expr],
        Expr::Unary(inner) => vec![&inner.expr],
        Expr::Subquery(inner) => vec![&inner.expr],
        Expr::Call(call) => call.args.args.iter().map(|argument| &**argument).collect(),
        _ => Vec::new(),
    }
}

/// True where the selector demands exactly this.
pub(super) fn matches_variable(matchers: &Matchers, label: &str) -> bool {
    let wanted = format!("${label}");
    matchers.matchers.iter().any(|matcher| {
        matcher.name == label && matcher.value == wanted && matches!(matcher.op, MatchOp::Re(_))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        let mut contract = Contract::default();
        contract.add("events_total", true, &["modality"]);
        contract.add("patients", false, &["modality"]);
        contract.add_histogram("age_seconds", &["modality"]);
        contract
    }

    #[test]
    fn what_is_wrong_with_a_query_is_said() {
        let wrong = [
            ("event_total", "nothing exports"),
            ("events_total", "without a rate"),
            ("rate(patients[5m])", "gauge under a rate"),
            (r#"patients{modalty="labs"}"#, "has no label modalty"),
            ("sum by (ward) (patients)", "joins by ward"),
            ("sum(patients) / on (modality) patients", "joins by modality"),
        ];
        for (query, fault) in wrong {
            let faults = contract().faults(&parse(query).expect("it parses"));
            assert!(faults.iter().any(|found| found.contains(fault)), "{query}: {faults:?}");
        }
        for right in [
            "sum by (modality) (rate(events_total[$__rate_interval]))",
            "histogram_quantile(0.9, sum by (modality, le) (rate(age_seconds_bucket[5m])))",
            "patients / on () group_left () sum(patients)",
        ] {
            assert_eq!(contract().faults(&parse(right).expect("it parses")), Vec::<String>::new());
        }
    }
}
