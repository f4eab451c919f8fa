//! From text to a configuration, with every mistake of form at once.

use super::keys::{self, Kind};
use super::sections::Config;
use crate::fuse::package::Mistake;
use toml::{Table, Value};

/// Reads a configuration. Serde stops at the first mistake, so each key is first tried alone, as the only one of its file.
pub(super) fn parse(text: &str) -> Result<Config, Vec<Mistake>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        vec![Mistake::new("syntax", error.to_string().trim_end().replace('\n', "\n    "))]
    })?;
    let mut mistakes = Vec::new();
    walk(&table, &mut Vec::new(), &mut mistakes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    table.try_into().map_err(|error: toml::de::Error| {
        vec![Mistake::new("file", error.message().trim_end().to_owned())]
    })
}

fn walk<'a>(table: &'a Table, path: &mut Vec<&'a str>, mistakes: &mut Vec<Mistake>) {
    for (key, value) in table {
        path.push(key);
        match (keys::kind(path), value) {
            (Kind::Table, Value::Table(inner)) => walk(inner, path, mistakes),
            (Kind::Table, other) => {
                let expected = format!("must be a table, and is {}", kind_of(other));
                mistakes.push(Mistake::new(path.join("."), expected));
            }
            (Kind::Value, value) => mistakes.extend(try_alone(path, value)),
            (Kind::Unknown, _) => mistakes.push(unknown(path)),
        }
        path.pop();
    }
}

fn unknown(path: &[&str]) -> Mistake {
    let expected = match keys::nearest(path) {
        Some(nearest) => format!("there is no such key; did you mean `{nearest}`?"),
        None => "there is no such key; deploy/latefusion.toml lists all".to_owned(),
    };
    Mistake::new(path.join("."), expected)
}

/// The mistake in one value, if there is one.
fn try_alone(path: &[&str], value: &Value) -> Option<Mistake> {
    let alone = path.iter().rev().fold(value.clone(), |inner, key| {
        Value::Table(Table::from_iter([((*key).to_owned(), inner)]))
    });
    let error = Config::deserialize_value(alone).err()?;
    // The library's own words for anything but a text where a choice of words is due.
    let odd = "invalid type: unit variant, expected string only";
    let told = error.message().trim_end().replace(odd, "must be a text");
    Some(Mistake::new(path.join("."), told))
}

impl Config {
    fn deserialize_value(value: Value) -> Result<Self, toml::de::Error> {
        value.try_into()
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
