//! A demo that runs beside the test until it is told to stop.

use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::shell::demo::{
    Audience, Command, Limits, MAX_PAYLOAD, Options, Outcome, Schedule, parse_script, run,
};
use latefusion::shell::feed::Source;
use latefusion::shell::setup;
use latefusion::shell::simulator::{Ward, WardConfig};
use latefusion::shell::view::{BandChange, Flow, Picture};
use latefusion::types::{EventTime, FusedScore, IngestTime, Span};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For anything that should happen soon, on a machine that is busy with other tests.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

struct Visitor {
    address: Sender<SocketAddr>,
    stop: Arc<AtomicBool>,
}

impl Audience for Visitor {
    fn started(&mut self, _: &str) {}

    fn served(&mut self, address: SocketAddr) {
        self.address.send(address).expect("the test waits for it");
    }

    fn score(&mut self, _: &FusedScore, _: Option<BandChange>) {}

    fn look(&mut self, _: &Picture, _: &Flow) -> std::io::Result<Vec<Command>> {
        let quit = self.stop.load(Ordering::SeqCst);
        Ok(if quit { vec![Command::Quit] } else { Vec::new() })
    }
}

/// See the module.
pub(super) struct Showing {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Outcome>,
}

impl Showing {
    /// A ward of twelve, a minute of it in a second, after two hours of its past.
    pub(super) fn start() -> Self {
        let registry = Registry::shipped();
        let start = EventTime::from_millis(1_767_600_000_000);
        let config = WardConfig {
            patients: 12,
            start,
            vitals_every: Span::seconds(60),
            oversized_bytes: MAX_PAYLOAD + 1,
            ..WardConfig::default()
        };
        let package =
            toml::to_string(&Package::shipped(Profile::Ward, &registry)).expect("plain data");
        let options = Options {
            models: None,
            lanes: setup::shipped(Profile::Ward, &registry, package.into()),
            partitions: 2,
            source: Source::Ward(Box::new(Ward::new(config, &registry).expect("a valid ward"))),
            schedule: Schedule {
                begins: IngestTime::from_millis(start.as_millis()),
                history: Span::hours(2),
                speed: Some(60.0),
                round: Span::minutes(2),
                heartbeat: Span::seconds(1),
                run_on: Span::ZERO,
                seconds: Some(2 * LONGEST),
            },
            script: parse_script("", &registry).expect("an empty script"),
            limits: Limits::default(),
            title: "a test".to_owned(),
            listen: Some("127.0.0.1:0".to_owned()),
        };
        let (sender, address) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let mut visitor = Visitor { address: sender, stop: stop.clone() };
        let thread = std::thread::spawn(move || run(options, &mut visitor).expect("the demo runs"));
        let address = address.recv_timeout(LONGEST).expect("it listens");
        Self { address, stop, thread }
    }

    /// Asks again and again until the answer is good.
    pub(super) fn until<T>(&self, path: &str, good: impl Fn(u16, &str) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let (code, text) = super::http::get(self.address, path);
            if let Some(found) = good(code, &text) {
                return found;
            }
            assert!(began.elapsed() < LONGEST, "{path} still says {code}\n{text}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Ends the demo; it goes on answering.
    pub(super) fn stop(self) -> (SocketAddr, Outcome) {
        self.stop.store(true, Ordering::SeqCst);
        (self.address, self.thread.join().expect("no panic"))
    }
}
