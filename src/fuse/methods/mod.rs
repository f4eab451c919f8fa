//! The fusion methods: one file each and one line in [`METHODS`], which everything else (packages, the law tests,
//! the documentation of parameters) goes by.

mod attention;
mod boosted;
mod linear_pool;
mod log_odds_pool;
mod maximum;
mod noisy_or;
mod parameters;
mod patterns;
mod rows;
mod stack;

use super::Fuser;
use super::package::{Method, Mistake, Policy};
pub use parameters::Parameters;

/// A modality by its name, with its policy.
pub type Member<'a> = (&'a str, &'a Policy);

/// One fusion method.
#[derive(Clone, Copy)]
pub struct MethodEntry {
    /// Name in the fusion package.
    pub name: &'static str,
    /// True where raising one modality's risk never lowers the fused risk; the law tests hold it to its word.
    pub monotone: bool,
    /// Makes the method for these modalities, in registry order.
    pub build: fn(&mut Parameters<'_>, &[Member<'_>]) -> Box<dyn Fuser>,
}

impl std::fmt::Debug for MethodEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MethodEntry").field(&self.name).finish()
    }
}

/// Every method that ships.
pub const METHODS: &[MethodEntry] = &[
    linear_pool::ENTRY,
    log_odds_pool::ENTRY,
    noisy_or::ENTRY,
    maximum::ENTRY,
    stack::ENTRY,
    attention::ENTRY,
    boosted::ENTRY,
];

/// Makes the method that a package names, for these modalities in registry order.
///
/// # Errors
/// An unknown name, or every mistake in the parameters, each with its path (`method.spread`).
pub fn build(method: &Method, members: &[Member<'_>]) -> Result<Box<dyn Fuser>, Vec<Mistake>> {
    let Some(entry) = METHODS.iter().find(|entry| entry.name == method.name) else {
        let names: Vec<&str> = METHODS.iter().map(|entry| entry.name).collect();
        let expected = format!("must be one of {}, not `{}`", names.join(", "), method.name);
        return Err(vec![Mistake::new("method.name", expected)]);
    };
    let mut parameters = Parameters::of(&method.parameters);
    let fuser = (entry.build)(&mut parameters, members);
    let mistakes = parameters.mistakes();
    if mistakes.is_empty() { Ok(fuser) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(text: &str) -> Method {
        toml::from_str(text).expect("valid TOML")
    }

    #[test]
    fn every_mistake_of_a_method_is_listed_with_its_path() {
        let text = "name = \"noisy_or\"\nspread = 0\nprior = \"high\"\nspred = 1";
        let found = build(&method(text), &[]).err().expect("three mistakes");
        let shown: Vec<String> = found.iter().map(Mistake::to_string).collect();
        assert_eq!(
            shown,
            [
                "method.prior: must be a number above 0 and below 1, not \"high\"",
                "method.spread: must be a number above 0, not 0",
                "method.spred: no such parameter",
            ]
        );
    }

    #[test]
    fn an_unknown_method_is_answered_with_the_known_ones() {
        let found = build(&method("name = \"average\""), &[]).err().expect("a mistake");
        let shown = found[0].to_string();
        assert!(shown.contains("linear_pool, log_odds_pool, noisy_or, maximum"), "{shown}");
    }

    #[test]
    fn names_are_distinct_and_every_method_has_defaults_for_all_its_parameters() {
        for (i, entry) in METHODS.iter().enumerate() {
            assert_eq!(METHODS.iter().position(|e| e.name == entry.name), Some(i));
            assert!(build(&method(&format!("name = \"{}\"", entry.name)), &[]).is_ok());
        }
    }
}
