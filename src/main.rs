//! The `latefusion` program; everything is in the library.

fn main() -> std::process::ExitCode {
    latefusion::shell::cli::run()
}
