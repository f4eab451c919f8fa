//! Reads a method's parameters from its table, and remembers every mistake.

use crate::fuse::package::Mistake;

/// The parameters of one method as they are read: each read names its default and what is allowed.
#[derive(Debug)]
pub struct Parameters<'a> {
    path: String,
    table: &'a toml::Table,
    known: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl<'a> Parameters<'a> {
    /// Nothing read yet.
    pub fn of(table: &'a toml::Table) -> Self {
        Self::at("method".to_owned(), table)
    }

    fn at(path: String, table: &'a toml::Table) -> Self {
        Self { path, table, known: Vec::new(), mistakes: Vec::new() }
    }

    /// A number; `default` where it is not given or is a mistake. `expected` says in words what `holds` checks.
    pub fn number(
        &mut self,
        key: &str,
        default: f64,
        expected: &str,
        holds: fn(f64) -> bool,
    ) -> f64 {
        self.known.push(key.to_owned());
        let Some(found) = self.table.get(key) else { return default };
        let number = found.as_float().or_else(|| found.as_integer().map(|whole| whole as f64));
        match number.filter(|value| value.is_finite() && holds(*value)) {
            Some(value) => value,
            None => {
                let expected = format!("must be a number {expected}, not {found}");
                self.wrong(key, expected);
                default
            }
        }
    }

    /// A table of tables, such as `[method.pattern."labs+vitals"]`, each as a reader of its own; empty where it is not
    /// given. Whoever takes one hands its mistakes back to [`Self::and`].
    pub fn tables(&mut self, key: &str) -> Vec<(&'a str, Parameters<'a>)> {
        self.known.push(key.to_owned());
        let Some(found) = self.table.get(key) else { return Vec::new() };
        let path = format!("{}.{key}", self.path);
        let inner = found.as_table().map(|table| {
            let entry = |(name, value): (&'a String, &'a toml::Value)| {
                let path = format!("{path}.{name}");
                match value.as_table() {
                    Some(table) => Some((name.as_str(), Self::at(path, table))),
                    None => {
                        self.mistakes.push(Mistake::new(path, "must be a table"));
                        None
                    }
                }
            };
            table.iter().filter_map(entry).collect()
        });
        inner.unwrap_or_else(|| {
            self.mistakes.push(Mistake::new(path, "must be a table of tables"));
            Vec::new()
        })
    }

    /// A text; `None` where it is not given or is no text.
    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        self.known.push(key.to_owned());
        let found = self.table.get(key)?;
        if found.as_str().is_none() {
            self.wrong(key, "must be a text");
        }
        found.as_str()
    }

    /// True where the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes a mistake at a key.
    pub fn wrong(&mut self, key: &str, expected: impl Into<String>) {
        self.mistakes.push(Mistake::new(format!("{}.{key}", self.path), expected));
    }

    /// Takes over the mistakes of a table within, parameters that nobody read there included.
    pub fn and(&mut self, inner: Parameters<'_>) {
        self.mistakes.extend(inner.mistakes());
    }

    /// Every mistake, parameters that nobody read included.
    pub fn mistakes(mut self) -> Vec<Mistake> {
        let unknown = self.table.keys().filter(|key| !self.known.contains(key));
        let path = &self.path;
        let unknown = unknown.map(|key| Mistake::new(format!("{path}.{key}"), "no such parameter"));
        self.mistakes.extend(unknown);
        self.mistakes
    }
}
