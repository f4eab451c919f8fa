//! `latefusion run`, `activate` and `healthcheck`.

use super::check::short;
use super::deployed::{ConfigArgs, outsider, start_models};
use super::output::say;
use crate::fuse::package::Profile;
use crate::shell::bus::Guarantee;
use crate::shell::bus::kafka::KafkaBus;
use crate::shell::config::{Deployment, shipped_package};
use crate::shell::driver::{Board, Crew, Pipeline, Role, StopFlag, WallClock, run_roles};
use crate::shell::telemetry::{self, Observed, logs};
use crate::shell::{driver, signals};
use crate::types::Feed;
use anyhow::{Context, anyhow, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Arguments of `latefusion run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// `all` (the default), `fuse`, or `score` with the topics to score: vitals, labs, imaging, encounters; without any, all of them.
    #[arg(value_name = "ROLE")]
    roles: Vec<String>,
    /// Which of several processes of the same roles this is; wins over `lanes.instance`.
    #[arg(long, env = "LATEFUSION_INSTANCE")]
    instance: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut deployment = args.config.load()?;
    if let Some(instance) = &args.instance {
        deployment.config.lanes.instance.clone_from(instance);
        let mistakes = deployment.config.mistakes();
        if let Some(mistake) = mistakes.first() {
            bail!("--instance: {}", mistake.expected);
        }
    }
    let crews = crews(&args.roles, &deployment)?;
    logs::start(&deployment.config.telemetry);
    let scored: Vec<String> = crews
        .iter()
        .filter_map(|crew| match crew.role {
            Role::Score(Feed::Modality(id)) => Some(deployment.names.modality(id).to_owned()),
            _ => None,
        })
        .collect();
    let watcher = start_models(&mut deployment, |name| scored.iter().any(|scored| scored == name))?;
    let (stop, board) = (StopFlag::default(), Board::default());
    let telemetry =
        deployment.telemetry().map_err(|why| anyhow!("telemetry.otlp_endpoint: {why}"))?;
    let pipeline = Arc::new(Pipeline { telemetry, ..deployment.pipeline() });
    signals::drain_on_term(&stop, pipeline.pace.grace).context("cannot listen for signals")?;
    let listen = &deployment.config.telemetry.listen;
    let clock: Arc<dyn driver::Clock> = Arc::new(WallClock::new());
    let observed = Observed {
        pipeline: pipeline.clone(),
        board: board.clone(),
        clock: clock.clone(),
        clients: deployment.kafka.figures.clone(),
    };
    let address = telemetry::serve(listen, observed)
        .with_context(|| format!("cannot listen on {listen} (telemetry.listen): choose another"))?;
    let lanes = &deployment.config.lanes;
    tracing::info!(brokers = deployment.kafka.brokers, instance = lanes.instance, %address,
        roles = ?crews.iter().map(|crew| crew.role.name(&pipeline.names)).collect::<Vec<_>>(), "starting");
    let join = |role: Role, worker: usize| {
        let membership = role.membership(&pipeline, &lanes.app, &lanes.instance, worker);
        let mut bus = KafkaBus::connect(&deployment.kafka, membership)?;
        let wanted = deployment.config.topics.partitions;
        driver::refuse_other_counts(&mut bus, &pipeline, role, wanted)?;
        Ok(bus)
    };
    let ran = std::thread::scope(|scope| {
        let (telemetry, stop) = (&pipeline.telemetry, &stop);
        let watching = watcher.map(|watcher| {
            let thread = std::thread::Builder::new().name("models".to_owned());
            thread.spawn_scoped(scope, move || watcher.run(telemetry, stop))
        });
        watching.transpose().context("cannot start a thread")?;
        let ran = run_roles(&pipeline, &crews, join, &clock, stop, &board);
        stop.stop();
        anyhow::Ok(ran)
    })?;
    pipeline.telemetry.flush();
    match ran {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failed) => {
            let told: Vec<String> = failed.iter().map(ToString::to_string).collect();
            bail!("{} workers could not go on\n  {}", failed.len(), told.join("\n  "));
        }
    }
}

fn crews(words: &[String], deployment: &Deployment) -> anyhow::Result<Vec<Crew>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let names = &deployment.names;
    let modalities = || deployment.registry.iter().map(|(id, _)| Feed::Modality(id));
    let every_feed = || modalities().chain([Feed::Encounters]);
    let roles: Vec<Role> = match words.as_slice() {
        [] | ["all"] => every_feed().map(Role::Score).chain([Role::Fuse]).collect(),
        ["fuse"] => vec![Role::Fuse],
        ["score"] => every_feed().map(Role::Score).collect(),
        ["score", feeds @ ..] => {
            let role = |word: &&str| match *word {
                "encounters" => Ok(Role::Score(Feed::Encounters)),
                word => match names.find_modality(word) {
                    Some(id) => Ok(Role::Score(Feed::Modality(id))),
                    None => bail!("there is no `{word}` to score: see `latefusion run --help`"),
                },
            };
            feeds.iter().map(role).collect::<anyhow::Result<_>>()?
        }
        other => bail!("there is no role `{}`: see `latefusion run --help`", other.join(" ")),
    };
    let workers = deployment.config.lanes.workers;
    Ok(roles.into_iter().map(|role| Crew { role, workers }).collect())
}

/// Arguments of `latefusion activate`.
#[derive(Debug, clap::Args)]
pub(super) struct ActivateArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Fusion package (TOML) instead of the configured one.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    package: Option<PathBuf>,
    /// The shipped package of a profile instead of the configured one.
    #[arg(long, value_parser = ["ward", "hourly"])]
    profile: Option<String>,
}

pub(super) fn activate(args: &ActivateArgs) -> anyhow::Result<ExitCode> {
    let deployment = args.config.load()?;
    let package = match (&args.package, args.profile.as_deref()) {
        (Some(file), _) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the fusion package {}", file.display()))?
            .into(),
        (None, Some("ward")) => shipped_package(Profile::Ward, &deployment.registry),
        (None, Some(_)) => shipped_package(Profile::Hourly, &deployment.registry),
        (None, None) => deployment.lanes.package.clone(),
    };
    if let Err(mistakes) =
        crate::shell::config::check_package("package", &package, &deployment.registry)
    {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bail!("the fusion package has {} mistakes\n  {}", mistakes.len(), told.join("\n  "));
    }
    // One transaction: every partition switches or none.
    let app = &deployment.config.lanes.app;
    let mut worker = outsider(&deployment, "activate");
    (worker.id, worker.guarantee) = (format!("{app}-activate"), Guarantee::Transactional);
    let mut bus = KafkaBus::connect(&deployment.kafka, worker).context("no connection")?;
    let digest = driver::activate(&mut bus, &deployment.pipeline(), &package)?;
    say(&format!(
        "activated fusion package {} in every partition of {}\n{digest}",
        short(&digest),
        deployment.topics.predictions
    ));
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `latefusion healthcheck`.
#[derive(Debug, clap::Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Fail also while workers are connecting or in trouble, not only where one has given up.
    #[arg(long)]
    ready: bool,
}

pub(super) fn healthcheck(args: &HealthArgs) -> anyhow::Result<ExitCode> {
    let deployment = args.config.load()?;
    let path = if args.ready { "/ready" } else { "/live" };
    let listen = &deployment.config.telemetry.listen;
    let (ok, text) = telemetry::ask(listen, path, Duration::from_secs(3))
        .with_context(|| format!("nothing answers on {listen}"))?;
    say(text.trim_end());
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
