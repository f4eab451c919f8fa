//! `make bench`: every measurement one after another, then one table. Each is a program of its own (`cargo bench --bench NAME -- --help`)
//! that prints one JSON object a figure; this one runs them, shows how far it is and collects what they print.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark program prints")]
#![allow(clippy::panic, reason = "and it ends where nothing can be measured")]

use clap::Parser;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Name, what is run (`cargo bench --bench ...` or a script of this repository), about how many seconds it takes.
const PARTS: [(&str, &[&str], u32); 8] = [
    ("engine", &["engine", "--json"], 240),
    ("allocations", &["allocations", "--json"], 10),
    ("instructions", &["benches/gate.sh", "--json"], 90),
    ("light", &["broker", "--json", "--part", "light", "--seconds", "600"], 90),
    ("scale-out", &["broker", "--json", "--part", "scale-out", "--seconds", "600"], 60),
    (
        "latency",
        &[
            "broker",
            "--json",
            "--part",
            "latency",
            "--seconds",
            "15",
            "--patients",
            "1000",
            "--patients",
            "10000",
            "--commit",
            "10",
            "--commit",
            "20",
            "--commit",
            "50",
            "--commit",
            "200",
        ],
        330,
    ),
    ("recovery 100,000", &["broker", "--json", "--part", "recovery", "--patients", "100000"], 30),
    (
        "recovery 1,000,000",
        &["broker", "--json", "--part", "recovery", "--patients", "1000000"],
        120,
    ),
];

/// All benchmarks, one table. About a quarter of an hour on two cores; needs Java 17 for the broker and valgrind for the instructions.
#[derive(Parser, Debug)]
struct Options {
    /// Also writes the figures to this file: one JSON object a line.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only the parts whose names contain this.
    part: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let wanted = |name: &str| options.part.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let parts: Vec<_> = PARTS.iter().filter(|(name, ..)| wanted(name)).collect();
    assert!(!parts.is_empty(), "there is no part of that name");
    let (began, mut rows, mut failed) = (Instant::now(), Vec::new(), Vec::new());
    eprintln!("bench: building, a few minutes where nothing is built yet");
    build();
    for (number, (name, command, seconds)) in parts.iter().enumerate() {
        let left: u32 = parts[number..].iter().map(|(_, _, seconds)| seconds).sum();
        let at = began.elapsed().as_secs();
        eprintln!(
            "bench: [{}/{}] {name}, about {seconds} s; {at} s so far, about {left} s to go",
            number + 1,
            parts.len()
        );
        let before = rows.len();
        if !run(command, &mut rows) || rows.len() == before {
            failed.push(*name);
        }
    }
    print!("{}", table(&rows));
    println!("\n{} figures in {} s.", rows.len(), began.elapsed().as_secs());
    if let Some(path) = &options.json {
        let lines: String =
            rows.iter().map(|row| Value::from(row.clone()).to_string() + "\n").collect();
        std::fs::write(path, lines).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("bench: FAILED: {}", failed.join(", "));
    ExitCode::FAILURE
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["bench", "--quiet", "--locked"]);
    cargo
}

fn build() {
    let benches = ["--no-run", "--bench", "engine", "--bench", "allocations", "--bench", "broker"];
    let status = cargo().args(benches).status().expect("cargo can be run");
    assert!(status.success(), "the benchmarks cannot be built");
}

/// Runs one measurement; false: it failed.
fn run(command: &[&str], rows: &mut Vec<Map<String, Value>>) -> bool {
    let (program, words) = command.split_first().expect("it is not empty");
    let mut command = if program.ends_with(".sh") {
        let mut script = Command::new(format!("{}/{program}", env!("CARGO_MANIFEST_DIR")));
        script.args(words);
        script
    } else {
        let mut bench = cargo();
        bench.args(["--bench", program, "--"]).args(words);
        bench
    };
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
    let output = child.stdout.take().expect("it is piped");
    for line in BufReader::new(output).lines() {
        let line = line.expect("it writes UTF-8");
        match serde_json::from_str(&line) {
            Ok(Value::Object(row)) => rows.push(row),
            _ => eprintln!("{line}"),
        }
    }
    child.wait().expect("it is our child").success()
}

/// One line for each figure row: part, case, then every number by its name.
fn table(rows: &[Map<String, Value>]) -> String {
    let mut text = "\n| part | case | figures |\n|---|---|---|\n".to_owned();
    for row in rows {
        let word = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("?");
        let numbers = row.iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
        let figures: Vec<String> = numbers
            .map(|(name, value)| format!("{} {}", name.replace('_', " "), number(value)))
            .collect();
        let _writing_to_a_string =
            writeln!(text, "| {} | {} | {} |", word("part"), word("case"), figures.join(" · "));
    }
    text
}

/// Three digits where it is small, thousands apart where it is large.
fn number(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && digit.is_ascii_digit() && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
