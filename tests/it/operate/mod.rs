//! What operators watch: Prometheus rules, their tests and runbooks, Grafana dashboards. Checked as text against the metrics that the
//! program exports, by promtool, by breaking them, and by asking a Prometheus that scrapes a live pipeline.

mod dashboards;
mod files;
mod layout;
mod mutations;
mod outage;
mod prometheus;
mod promql;
mod promtool;
mod rules;
mod units;
mod walk;
