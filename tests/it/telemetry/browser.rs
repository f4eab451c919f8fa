//! Headless Chromium.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What it shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

/// The browser of this machine. Without one the test fails, but for those who said that they can do without it.
pub(super) fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let runs = |name: &&str| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = names.into_iter().find(runs);
    if found.is_none() {
        assert!(
            std::env::var_os("LATEFUSION_NO_BROWSER").is_some(),
            "there is no Chromium: `scripts/bootstrap.sh browser` installs it; with LATEFUSION_NO_BROWSER=1 the page is not tested"
        );
        println!("LEFT OUT: no Chromium, so nobody has looked at /ui");
    }
    found
}

fn chromium(program: &str, address: SocketAddr, window: Window, what: &[String]) -> Vec<u8> {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(program);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={},{}", window.width, window.height))
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!window.dark)))
        // Time for a few answers of /status.
        .arg("--virtual-time-budget=6000")
        .args(what)
        .arg(format!("http://{address}/ui"));
    let output = command.output().expect("Chromium can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    output.stdout
}

/// The document after its script ran.
pub(super) fn document(program: &str, address: SocketAddr) -> String {
    let window = Window { width: 1280, height: 1400, dark: false };
    let html = chromium(program, address, window, &["--dump-dom".to_owned()]);
    String::from_utf8(html).expect("UTF-8")
}

/// A picture of the page in a file.
pub(super) fn picture(program: &str, address: SocketAddr, window: Window, file: &Path) {
    let _nothing =
        chromium(program, address, window, &[format!("--screenshot={}", file.display())]);
}

/// Width and height of a PNG file, which is none where it is torn.
pub(super) fn png_size(file: &Path) -> Option<(u32, u32)> {
    let bytes = std::fs::read(file).ok()?;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let whole = bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82");
    whole.then_some((number(16)?, number(20)?))
}
