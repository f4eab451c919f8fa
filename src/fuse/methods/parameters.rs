//! Reads a method's parameters from its table, and remembers every mistake.

use crate::fuse::package::Mistake;

/// The parameters of one method as they are read: each read names its default and what is allowed.
#[derive(Debug)]
pub struct Parameters<'a> {
    table: &'a toml::Table,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl<'a> Parameters<'a> {
    /// Nothing read yet.
    pub fn of(table: &'a toml::Table) -> Self {
        Self { table, known: Vec::new(), mistakes: Vec::new() }
    }

    /// A number; `default` where it is not given or is a mistake. `expected` says in words what `holds` checks.
    pub fn number(
        &mut self,
        key: &'static str,
        default: f64,
        expected: &str,
        holds: fn(f64) -> bool,
    ) -> f64 {
        self.known.push(key);
        let Some(found) = self.table.get(key) else { return default };
        let number = found.as_float().or_else(|| found.as_integer().map(|whole| whole as f64));
        match number.filter(|value| value.is_finite() && holds(*value)) {
            Some(value) => value,
            None => {
                let expected = format!("must be a number {expected}, not {found}");
                self.mistakes.push(Mistake::new(format!("method.{key}"), expected));
                default
            }
        }
    }

    /// Every mistake, parameters that nobody read included.
    pub fn mistakes(mut self) -> Vec<Mistake> {
        let unknown = self.table.keys().filter(|key| !self.known.contains(&key.as_str()));
        let unknown = unknown.map(|key| Mistake::new(format!("method.{key}"), "no such parameter"));
        self.mistakes.extend(unknown);
        self.mistakes
    }
}
