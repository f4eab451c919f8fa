//! `latefusion config`

use super::deployed::ConfigArgs;
use super::output::say;
use crate::shell::config::Config;
use std::process::ExitCode;

/// Arguments of `latefusion config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.config.as_deref())?;
    say(&shown(&config, args)?);
    Ok(ExitCode::SUCCESS)
}

/// The file holds no secrets, so there is none to mask; where one is read from a file, a comment says so.
fn shown(config: &Config, args: &Args) -> anyhow::Result<String> {
    let mut text = match &args.config.config {
        Some(file) => format!("# in effect, from {}\n", file.display()),
        None => "# in effect: the defaults, as no file was given (--config or LATEFUSION_CONFIG)\n"
            .to_owned(),
    };
    for line in toml::to_string(config)?.lines() {
        let secret = ["password_file", "token_file"].iter().any(|name| line.contains(name));
        text += line;
        text += if secret && line.contains(" = ") { " # ***\n" } else { "\n" };
    }
    Ok(text.trim_end().to_owned())
}
