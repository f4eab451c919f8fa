//! What a dashboard must be like whatever it asks: ids, grid, words, variables, units, thresholds.

use super::files::{list, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the panels of these dashboards may be.
const TYPES: [&str; 6] = ["row", "text", "stat", "timeseries", "bargauge", "table"];
const COLUMNS: u64 = 24;

/// Everything that is wrong with the shape of a dashboard in the file `name`.json.
pub(super) fn faults(name: &str, dashboard: &Value) -> Vec<String> {
    let mut faults = of_dashboard(name, dashboard);
    let panels = list(dashboard, "panels");
    faults.extend(of_grid(panels));
    let mut titles = BTreeSet::new();
    for panel in panels {
        let title = text(panel, "title");
        let mut wrong = of_panel(panel);
        if !titles.insert(title) {
            wrong.push("its title stands there twice".to_owned());
        }
        faults.extend(wrong.into_iter().map(|fault| format!("panel {title:?}: {fault}")));
    }
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}

fn of_dashboard(name: &str, dashboard: &Value) -> Vec<String> {
    let panels = list(dashboard, "panels");
    let says_so = |of: &str| of.contains("not an alarm system");
    let on_page = panels.iter().any(|panel| says_so(text(&panel["options"], "content")));
    let mut variables = list(&dashboard["templating"], "list").iter();
    let names: Vec<&str> = variables.clone().map(|variable| text(variable, "name")).collect();
    let checks = [
        (dashboard["schemaVersion"] == 39, "schemaVersion is not 39"),
        (dashboard["editable"] == false, "it can be edited"),
        (text(dashboard, "uid") == name, "its uid is not its file name"),
        (
            text(dashboard, "title").starts_with("latefusion: "),
            "its title does not begin with latefusion",
        ),
        (
            says_so(text(dashboard, "description")),
            "its description does not say that it is not an alarm system",
        ),
        (on_page, "no panel says that it is not an alarm system"),
        (
            names == ["datasource", "job", "instance"],
            "its variables are not datasource, job and instance",
        ),
        (
            variables.all(|variable| variable.get("allValue").is_none()),
            "a variable has an allValue: it pulls other jobs in",
        ),
        (text(dashboard, "refresh") == "30s", "it is not refreshed every 30 s"),
        (panels.len() > 5, "it has hardly a panel"),
    ];
    checks.iter().filter(|(is_right, _)| !is_right).map(|(_, fault)| (*fault).to_owned()).collect()
}

fn of_grid(panels: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = text(panel, "title");
        if !ids.insert(panel["id"].as_u64()) || panel["id"].as_u64().is_none() {
            faults.push(format!("panel {title:?}: its id is not its own"));
        }
        let at = |key: &str| panel["gridPos"][key].as_u64();
        let (Some(x), Some(y), Some(w), Some(h)) = (at("x"), at("y"), at("w"), at("h")) else {
            faults.push(format!("panel {title:?}: it has no place"));
            continue;
        };
        if w == 0 || h == 0 || x + w > COLUMNS {
            faults.push(format!("panel {title:?}: it is not within {COLUMNS} columns"));
        }
        let cells = (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column)));
        if cells.filter(|cell| !taken.insert(*cell)).count() > 0 {
            faults.push(format!("panel {title:?}: it overlaps another"));
        }
    }
    faults
}

fn of_panel(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = text(panel, "type");
    if !TYPES.contains(&kind) {
        faults.push(format!("{kind:?} is not among the types in use"));
    }
    if text(panel, "title").is_empty() {
        faults.push("it has no title".to_owned());
    }
    if kind == "row" {
        return faults;
    }
    let description = text(panel, "description");
    if description.len() < 20 || !description.ends_with('.') {
        faults.push("it has no sentence that describes it".to_owned());
    }
    if kind == "text" {
        return faults;
    }
    let targets = list(panel, "targets");
    let refs: BTreeSet<&str> = targets.iter().map(|target| text(target, "refId")).collect();
    if targets.is_empty() || refs.len() != targets.len() {
        faults.push("its targets have no refIds of their own".to_owned());
    }
    let sources = targets.iter().chain([panel]).map(|of| text(&of["datasource"], "uid"));
    if !sources.into_iter().all(|uid| uid == "${datasource}") {
        faults.push("it names a data source instead of taking the variable".to_owned());
    }
    let defaults = &panel["fieldConfig"]["defaults"];
    if text(defaults, "unit").is_empty() {
        faults.push("it has no unit".to_owned());
    }
    if text(defaults, "unit") == "percentunit" && defaults["min"] != 0 && kind != "stat" {
        faults.push("a share whose axis does not begin at 0".to_owned());
    }
    faults.extend(of_thresholds(panel));
    faults
}

fn of_thresholds(panel: &Value) -> Vec<String> {
    let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"], "steps");
    let mut faults = Vec::new();
    let values: Vec<Option<f64>> = steps.iter().map(|step| step["value"].as_f64()).collect();
    if !values.is_sorted()
        || values.iter().skip(1).any(Option::is_none)
        || values.first().is_some_and(Option::is_some)
    {
        faults.push("its thresholds do not rise from the base".to_owned());
    }
    let is_availability = text(panel, "title").starts_with("Availability");
    if is_availability && text(panel, "type") == "bargauge" {
        let colors: Vec<&str> = steps.iter().map(|step| text(step, "color")).collect();
        if colors.first() != Some(&"red") || colors.last() != Some(&"green") {
            faults.push("availability has to begin red and end green".to_owned());
        }
    }
    faults
}
