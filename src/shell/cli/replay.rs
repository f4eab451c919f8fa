//! `latefusion replay`.

use super::inputs::{self, DatasetArgs, PipelineArgs};
use super::output::{bar, say, warn};
use super::summary::Summary;
use crate::fuse::package::Profile;
use crate::modality::Registry;
use crate::shell::final_revisions::FinalRevisions;
use crate::shell::record_files::FileError;
use crate::shell::record_files::scores::{JsonLinesWriter, ParquetWriter};
use crate::shell::replay::{Sink, replay};
use crate::shell::wire::encode_fused_score;
use crate::types::{Availability, FusedScore};
use anyhow::bail;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Recorded events (.jsonl, .parquet, .arrow) or a data set in, fused scores (.parquet or .jsonl) out.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of recorded events; see docs/recorded-events.md.
    files: Vec<PathBuf>,
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Where the fused scores go: a .parquet or a .jsonl file.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints the digest of the final revisions, which `demo` prints too; keeps one line of each patient and window in memory.
    #[arg(long)]
    digest: bool,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let registry = Registry::shipped();
    let started = Instant::now();
    let read = inputs::read(&args.files, &args.dataset, &registry)?;
    let default = if args.files.is_empty() { Profile::Hourly } else { Profile::Ward };
    let profile = args.pipeline.profile(default);
    let setup = args.pipeline.setup(profile, &registry)?;
    let mut output = Output::create(args.out.as_deref(), &registry)?;
    output.summary = Summary::new(&registry, read.account);
    output.finals =
        if args.digest { Some(FinalRevisions::new(inputs::names(&registry)?)) } else { None };
    let progress = bar("replaying", read.inputs.len() as u64);
    let reading = started.elapsed();
    let started = Instant::now();
    let config = args.pipeline.config(profile);
    let mut step = |done| progress.inc(done);
    let mut counts = replay(&setup, &config, read.inputs, &mut output, &mut step)?;
    for (reason, count) in read.unreadable {
        *counts.rejected.entry(reason).or_default() += count;
    }
    progress.finish_and_clear();
    let finals = output.finals.take();
    let mut summary = output.finish()?;
    summary.finals = finals.map(|finals| (finals.len(), finals.digest()));
    summary.finish(counts, [reading, started.elapsed()]);
    say(&if args.json { summary.json()? } else { summary.text() });
    Ok(ExitCode::SUCCESS)
}

type Encode = Box<dyn FnMut(&FusedScore, &mut Vec<u8>)>;

enum Writer {
    None,
    Parquet(Box<ParquetWriter>),
    JsonLines(JsonLinesWriter<Encode>),
}

struct Output {
    writer: Writer,
    summary: Summary,
    finals: Option<FinalRevisions>,
}

impl Output {
    fn create(path: Option<&Path>, registry: &Registry) -> anyhow::Result<Self> {
        let writer = match path {
            None => {
                warn("no --out given: the fused scores are computed and counted, not kept");
                Writer::None
            }
            Some(path) => match path.extension().and_then(|e| e.to_str()) {
                Some("parquet") => {
                    Writer::Parquet(Box::new(ParquetWriter::create(path, registry)?))
                }
                Some("jsonl" | "ndjson") => {
                    let names = inputs::names(registry)?;
                    let encode: Encode =
                        Box::new(move |score, out| encode_fused_score(score, &names, out));
                    Writer::JsonLines(JsonLinesWriter::create(path, encode)?)
                }
                _ => bail!("--out {}: must end in .parquet or .jsonl", path.display()),
            },
        };
        Ok(Self { writer, summary: Summary::default(), finals: None })
    }

    fn finish(self) -> Result<Summary, FileError> {
        match self.writer {
            Writer::None => {}
            Writer::Parquet(writer) => writer.finish()?,
            Writer::JsonLines(writer) => writer.finish()?,
        }
        Ok(self.summary)
    }
}

impl Sink for Output {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        self.summary.count(&score);
        if let Some(finals) = &mut self.finals {
            finals.take(&score);
        }
        let written = match &mut self.writer {
            Writer::None => Ok(()),
            Writer::Parquet(writer) => writer.write(score),
            Writer::JsonLines(writer) => writer.write(&score),
        };
        written.map_err(std::io::Error::other)
    }

    fn availability(&mut self, availability: Availability) -> std::io::Result<()> {
        self.summary.count_availability(&availability);
        Ok(())
    }
}
