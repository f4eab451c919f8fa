//! Checkpoints on the real broker: what an aborted transaction left behind is not restored; what is missing or damaged is refused, with
//! the reason, and the log takes its place.

use super::{Kafka, shared};
use crate::bus_contract::scene::Broker;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::kafka::topics::{apply, plan};
use latefusion::shell::bus::{Bus, Commit, Guarantee, Outgoing, TopicPartition, Worker as Member};
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::driver::{
    Counts, EngineStatus, Phase, Pipeline, Role, WallClock, Worker, activate,
};
use latefusion::types::{EventTime, Feed, ModalityId};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENTS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(60);

/// One lane of everything, on topics of its own.
struct Site {
    deployment: Deployment,
    pipeline: Arc<Pipeline>,
}

/// What fusion has restored, and what it said.
struct Restored {
    counts: Counts,
    patients: usize,
    said: String,
}

impl Site {
    fn new() -> Self {
        let mut config = Config::default();
        let prefix = format!("torn-{}", std::process::id());
        config.kafka.brokers = Kafka(shared()).settings().brokers;
        config.lanes.app.clone_from(&prefix);
        let topics = &mut config.topics;
        topics.partitions = 1;
        for name in [
            &mut topics.encounters,
            &mut topics.predictions,
            &mut topics.fused_scores,
            &mut topics.availability,
            &mut topics.dead_letters,
            &mut topics.state_score,
            &mut topics.state_fuse,
        ] {
            *name = format!("{prefix}-{name}");
        }
        for modality in ["vitals", "labs", "imaging"] {
            topics.modality.insert(modality.to_owned(), format!("{prefix}-{modality}"));
        }
        let deployment = Deployment::new(config).expect("there is no mistake in it");
        let specs = deployment.config.topic_specs(&deployment.registry);
        let missing = plan(&deployment.kafka, &specs).expect("the broker is there");
        apply(&deployment.kafka, &missing).expect("they are new");
        let pipeline = Arc::new(deployment.pipeline());
        Self { deployment, pipeline }
    }

    fn outsider(&self, guarantee: Guarantee) -> KafkaBus {
        let name = format!("{}-outsider", self.deployment.config.lanes.app);
        let member = Member { group: name.clone(), id: name, topics: Vec::new(), guarantee };
        KafkaBus::connect(&self.deployment.kafka, member).expect("the broker is there")
    }

    fn join(&self, role: Role) -> (KafkaBus, Worker) {
        let member = role.membership(&self.pipeline, &self.deployment.config.lanes.app, "0", 0);
        let bus = KafkaBus::connect(&self.deployment.kafka, member).expect("the broker is there");
        (bus, Worker::new(self.pipeline.clone(), role, Arc::new(WallClock::new())))
    }

    /// A set of vitals of every patient, and what the scorer makes of it.
    fn score(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let at = EventTime::from_millis(since.as_millis() as i64);
        let role = Role::Score(Feed::Modality(ModalityId(0)));
        let output = |patient| {
            let key = format!("patient-{patient}");
            let payload = format!(
                "{{\"patient\":\"{key}\",\"event_time\":\"{at}\",\"heart_rate_per_min\":96}}"
            );
            Outgoing {
                topic: role.topic(&self.pipeline),
                partition: None,
                key: Some(key.into_bytes()),
                payload: Some(payload.into_bytes()),
                headers: Vec::new(),
            }
        };
        let commit = Commit { outputs: (0..PATIENTS).map(output).collect(), ..Commit::default() };
        self.outsider(Guarantee::Idempotent).commit(&commit).expect("the broker is there");
        let (mut bus, mut worker) = self.join(role);
        until(&mut bus, &mut worker, "every patient is scored", |worker| {
            worker.counts().records >= PATIENTS as u64
        });
        leave(bus, worker);
    }

    /// Fusion starts, reads what there is, takes a checkpoint and leaves.
    fn fuse(&self, patients: usize) -> Restored {
        let heard = Heard::default();
        let (writer, filter) = (heard.clone(), tracing::Level::WARN);
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let subscriber = subscriber.with_ansi(false).with_max_level(filter).finish();
        let found = tracing::subscriber::with_default(subscriber, || {
            let (mut bus, mut worker) = self.join(Role::Fuse);
            until(&mut bus, &mut worker, "fusion has read everything", |worker| {
                let of = |lane: &latefusion::shell::driver::LaneStatus| match &lane.engine {
                    Some(EngineStatus::Fuse { patients: is, .. }) => *is >= patients,
                    _ => false,
                };
                let lanes = worker.lanes();
                lanes.iter().any(|lane| lane.phase == Phase::Running && of(lane))
            });
            let lanes = worker.lanes();
            leave(bus, worker);
            lanes.into_iter().next().expect("there is one lane")
        });
        let patients = match found.engine {
            Some(EngineStatus::Fuse { patients, .. }) => patients,
            other => panic!("not fusion: {other:?}"),
        };
        let said = heard.0.lock().expect("nobody panics with it").clone();
        let said = String::from_utf8_lossy(&said).into_owned();
        Restored { counts: found.counts, patients, said }
    }

    fn shelf(&self) -> TopicPartition {
        TopicPartition::new(self.pipeline.state_topics.fuse.as_str(), 0)
    }

    /// A record of the checkpoint topic with another value; `None`: a tombstone.
    fn entry(&self, key: &str, payload: Option<&str>) -> Outgoing {
        Outgoing {
            topic: self.shelf().topic,
            partition: Some(0),
            key: Some(key.into()),
            payload: payload.map(Into::into),
            headers: Vec::new(),
        }
    }

    fn write(&self, entry: Outgoing) {
        let commit = Commit { outputs: vec![entry], ..Commit::default() };
        self.outsider(Guarantee::Idempotent).commit(&commit).expect("the broker is there");
    }

    /// As by a retention that was too short.
    fn forget_the_log(&self) {
        let place = TopicPartition::new(self.pipeline.topics.predictions.as_str(), 0);
        let mut bus = self.outsider(Guarantee::Idempotent);
        let end = bus.progress(&place).expect("the broker is there").stable;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&place.topic, 0, Offset::Offset(end)).expect("it is an offset");
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.deployment.kafka.brokers)
            .create()
            .expect("the settings are right");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        runtime.block_on(admin.delete_records(&list, &options)).expect("it may be deleted");
        assert_eq!(bus.progress(&place).map(|progress| progress.start), Ok(end));
    }
}

fn until(bus: &mut KafkaBus, worker: &mut Worker, what: &str, so: impl Fn(&Worker) -> bool) {
    let began = Instant::now();
    while !so(worker) {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        worker.turn(bus).expect("nothing goes wrong");
    }
}

/// Commits what there is, with a checkpoint.
fn leave(mut bus: KafkaBus, mut worker: Worker) {
    let began = Instant::now();
    while !worker.drain(&mut bus).expect("nothing goes wrong") {
        assert!(began.elapsed() < PATIENCE, "it never drains");
    }
    bus.close();
}

/// What was logged.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_checkpoint_is_whole_or_it_is_refused_and_the_log_takes_its_place() {
    let site = Site::new();
    let package = &site.pipeline.lanes.package;
    activate(&mut site.outsider(Guarantee::Transactional), &site.pipeline, package)
        .expect("the package is valid");
    site.score();
    let first = site.fuse(PATIENTS);
    assert_eq!((first.counts.bad_checkpoints, first.patients), (0, PATIENTS));

    // A checkpoint of which only the patients' entries were written before its transaction was aborted.
    let aborted: Vec<Outgoing> = (0..PATIENTS)
        .map(|n| site.entry(&format!("fuse/0/0/patient-{n}"), Some("half a checkpoint")))
        .collect();
    let name = format!("{}-torn", site.deployment.config.lanes.app);
    let (topics, guarantee) = (Vec::new(), Guarantee::Transactional);
    let member = Member { group: name.clone(), id: name, topics, guarantee };
    let commit = Commit { checkpoint: aborted, ..Commit::default() };
    Kafka(shared()).hold(member, &commit).abort();
    let restored = site.fuse(PATIENTS);
    assert_eq!((restored.counts.bad_checkpoints, restored.counts.replayed), (0, 0));
    assert_eq!(restored.patients, PATIENTS, "{}", restored.said);

    for (key, payload, reason) in [
        ("fuse/0/0/patient-7", None, "30 entries belong to it, 29 others are there"),
        ("fuse/0/0/patient-7", Some("damaged"), "an entry cannot be read"),
        ("fuse/0/0", Some("damaged"), "its lane-wide entry cannot be read"),
        ("fuse/0/0", None, "its lane-wide entry is missing"),
    ] {
        site.write(site.entry(key, payload));
        let restored = site.fuse(PATIENTS);
        assert!(restored.said.contains(reason), "{key}: {}", restored.said);
        assert!(restored.said.contains("replaying the log from its beginning"));
        let Counts { bad_checkpoints, incomplete, replayed, .. } = restored.counts;
        assert_eq!((bad_checkpoints, incomplete, restored.patients), (1, 0, PATIENTS), "{key}");
        assert!(replayed >= PATIENTS as u64, "{key}: {replayed}");
        // It has taken a new one, and cleared away what was left of the old.
        assert_eq!(site.fuse(PATIENTS).counts.bad_checkpoints, 0, "{key}");
    }

    site.forget_the_log();
    site.write(site.entry("fuse/0/0", Some("damaged")));
    let restored = site.fuse(0);
    let Counts { bad_checkpoints, incomplete, .. } = restored.counts;
    assert_eq!((bad_checkpoints, incomplete, restored.patients), (1, 1, 0), "{}", restored.said);
    assert!(restored.said.contains("give the topic a longer retention"), "{}", restored.said);
}
