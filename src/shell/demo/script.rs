//! `10s labs off; 30s labs on`: feeds switched by the time since the history was sent, where nobody presses keys.

use crate::modality::{Registry, encounters};
use crate::types::{Feed, Span};
use std::time::Duration;

/// One switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Time since the history has been sent.
    pub after: Duration,
    /// Which feed.
    pub feed: Feed,
    /// On or off.
    pub on: bool,
}

/// Why a script cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{step}` in the script: write a time, a feed (vitals, labs, imaging, encounters) and on or off, such as `10s labs off`"
)]
pub struct ScriptError {
    /// The step that was not understood.
    step: String,
}

/// Reads a script; steps are divided by `;` and put in order of time.
///
/// # Errors
/// The first step that was not understood.
pub fn parse(text: &str, registry: &Registry) -> Result<Vec<Switch>, ScriptError> {
    let steps = text.split(';').map(str::trim).filter(|step| !step.is_empty());
    let mut script = Vec::new();
    for step in steps {
        let switch = switch(step, registry).ok_or_else(|| ScriptError { step: step.to_owned() })?;
        script.push(switch);
    }
    script.sort_by_key(|switch| switch.after);
    Ok(script)
}

fn switch(step: &str, registry: &Registry) -> Option<Switch> {
    let words: Vec<&str> = step.split_whitespace().collect();
    let &[after, name, state] = words.as_slice() else { return None };
    let after: Span = after.parse().ok()?;
    let feed = match name {
        encounters::TOPIC => Feed::Encounters,
        name => Feed::Modality(registry.find(name)?.0),
    };
    let on = match state {
        "on" => true,
        "off" => false,
        _ => return None,
    };
    Some(Switch { after: Duration::from_millis(u64::try_from(after.as_millis()).ok()?), feed, on })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ModalityId;

    #[test]
    fn steps_are_read_in_any_order() {
        let script = parse("30s labs on; 10s labs off;", &Registry::shipped()).expect("a script");
        let labs = Feed::Modality(ModalityId(1));
        let switch = |seconds, on| Switch { after: Duration::from_secs(seconds), feed: labs, on };
        assert_eq!(script, [switch(10, false), switch(30, true)]);
        assert_eq!(parse("", &Registry::shipped()), Ok(Vec::new()));
    }

    #[test]
    fn a_step_that_is_not_understood_is_named() {
        for bad in ["labs off", "10s ecg off", "10s labs", "soon labs off", "10s labs maybe"] {
            let error = parse(&format!("1s vitals off; {bad}"), &Registry::shipped());
            assert!(error.is_err_and(|error| error.to_string().contains(bad)), "{bad}");
        }
    }
}
