//! Mutated model files: no panic that gets out, no hang, no memory beyond a bound. They are read in processes of their own, as the
//! pipeline's trials are, with less memory; a file that ends its process is counted, named, and a failure only where it is not what
//! the limit is there for. `LATEFUSION_FUZZ=10000` tries so many; without it two thousand are.

use super::packages::{FILES, package};
use latefusion::modality::Registry;
use latefusion::score::learned::{LearnedModel, PackageFiles, digest};
use std::time::{Duration, Instant};

/// Files tried in `make test`.
const FEW: usize = 2_000;
/// A file that takes longer counts as a hang, on a machine however busy.
const LONGEST: Duration = Duration::from_secs(20);
/// What this process may grow by over all files: one that keeps what it was asked for is seen.
const MOST_GROWTH: u64 = 256 << 20;

/// Changes a package at a few places, keeping its digest right so that the model file is read.
fn mutate(files: &mut PackageFiles, random: &mut fastrand::Rng) {
    let target = random.u8(..8);
    let mut bytes = match target {
        0 => files.manifest.clone().into_bytes(),
        1 => files.golden.clone().into_bytes(),
        _ => files.model.clone(),
    };
    for _ in 0..random.usize(1..6) {
        change(&mut bytes, random);
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match target {
        0 => files.manifest = text(bytes),
        1 => files.golden = text(bytes),
        _ => {
            let (was, is) = (digest(&files.model), digest(&bytes));
            files.model = bytes;
            files.manifest = files.manifest.replace(&was, &is);
        }
    }
}

/// One change: a bit, a byte, a length field, a run taken out, doubled or cut off, a number made huge.
fn change(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    let at = random.usize(..=last);
    let end = (at + random.usize(1..64)).min(bytes.len());
    match random.u8(..9) {
        0 => bytes[at] ^= 1 << random.u8(..8),
        1 => bytes[at] = random.u8(..),
        2 => bytes[at] = [0, 0x7f, 0x80, 0xff][random.usize(..4)],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let run = bytes[at..end].to_vec();
            bytes.splice(at..at, run);
        }
        6 => drop(bytes.splice(at..end.min(at + 5), [0xff, 0xff, 0xff, 0xff, 0x0f])),
        7 => {
            let words: [&[u8]; 6] = [b"99999999999", b"-1", b"nan", b"1e308", b"", b"[[[[[[[["];
            drop(bytes.splice(at..(at + 1).min(end), words[random.usize(..6)].iter().copied()));
        }
        _ => {
            // A number in text, made another.
            let digits: Vec<usize> =
                (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if let Some(digit) = random.choice(&digits) {
                bytes[*digit] = b'0' + random.u8(..10);
            }
        }
    }
}

/// Bytes of memory of this process that are resident.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |p: u64| p * 4096)
}

#[test]
fn mutated_files_are_refused_or_run_and_nothing_worse() {
    if let Ok(range) = std::env::var("LATEFUSION_FUZZ_RANGE") {
        return try_range(&range);
    }
    let count = std::env::var("LATEFUSION_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(FEW);
    let program = std::env::current_exe().expect("it is a file");
    let (mut first, mut ended, mut refused) = (0, Vec::new(), 0_usize);
    while first < count {
        let mut child = std::process::Command::new("/bin/sh");
        // 4 GiB of address space: the test program and its libraries map some of it.
        child.args(["-c", "ulimit -v 4194304; ulimit -c 0; exec \"$0\" \"$@\""]).arg(&program);
        child.args([
            "--exact",
            "models::mutations::mutated_files_are_refused_or_run_and_nothing_worse",
        ]);
        child.args(["--nocapture", "--test-threads=1"]);
        child.env("LATEFUSION_FUZZ_RANGE", format!("{first}..{count}"));
        child.env("RTEN_NUM_THREADS", "1").env("RUST_BACKTRACE", "0");
        let output = child.output().expect("it can be started");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = text.lines().rev().find_map(|line| line.strip_prefix("case ")?.parse().ok());
        let last: usize = last.unwrap_or_else(|| panic!("no case was tried: {text}"));
        refused += text.lines().filter(|line| *line == "refused").count();
        if output.status.success() {
            assert_eq!(last + 1, count, "{text}");
            break;
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let why = told.lines().rev().find(|line| line.contains("memory allocation"));
        assert!(why.is_some(), "case {last} ended its process: {told}");
        ended.push((last, why.unwrap_or_default().to_owned()));
        first = last + 1;
    }
    println!(
        "{count} mutated files: {refused} refused, {} stopped by the limit on memory, the rest ran",
        ended.len()
    );
    ended.iter().for_each(|(case, why)| println!("  case {case}: {why}"));
    assert!(refused > count / 2, "only {refused} of {count} were refused");
    assert!(ended.len() <= count / 100, "{} of {count} asked for too much memory", ended.len());
}

/// Tries the cases of a range, each from a seed of its own.
fn try_range(range: &str) {
    let (first, end) = range.split_once("..").expect("a range");
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let registry = Registry::shipped();
    let packages: Vec<PackageFiles> = FILES.iter().map(|file| package(file, "m", "1")).collect();
    let before = resident();
    for case in number(first)..number(end) {
        println!("case {case}");
        let mut random = fastrand::Rng::with_seed(case as u64);
        let mut files = packages[case % packages.len()].clone();
        mutate(&mut files, &mut random);
        let began = Instant::now();
        if let Err(problems) = LearnedModel::load(&files, &registry) {
            assert!(problems.iter().all(|problem| !problem.is_empty()), "case {case}");
            println!("refused");
        }
        assert!(began.elapsed() < LONGEST, "case {case} took {:?}", began.elapsed());
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < MOST_GROWTH, "the process has grown by {grown} bytes");
}
