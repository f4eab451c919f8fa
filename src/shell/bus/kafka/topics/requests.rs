//! The admin client's requests, each waited for on the calling thread.

use super::super::context::{Context, Notes};
use super::super::{ask, errors};
use super::{Difference, TopicSpec, failed};
use crate::shell::bus::BusError;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

pub(super) fn create(
    admin: &AdminClient<DefaultClientContext>,
    consumer: &BaseConsumer<Context>,
    spec: &TopicSpec,
    patience: Duration,
) -> Result<(), BusError> {
    let what = format!("cannot create topic `{}`", spec.name);
    let replication = TopicReplication::Fixed(spec.replication.map_or(-1, i32::from));
    let mut topic = NewTopic::new(&spec.name, spec.partitions as i32, replication);
    for (name, value) in &spec.settings {
        topic = topic.set(name, value);
    }
    let answer = wait(admin.create_topics([&topic], &options(patience)));
    let refused = match answer.map_err(|e| failed(&what, &e))?.into_iter().next() {
        Some(Err((_, code))) if code != Code::TopicAlreadyExists => Some(code),
        _ => None,
    };
    if let Some(code) = refused {
        return Err(refusal(&what, code));
    }
    // The broker that is asked next may not have heard of it yet.
    let deadline = Instant::now() + patience;
    while ask::find(consumer, &spec.name, patience)?.is_none() {
        if Instant::now() > deadline {
            return Err(BusError::Retry(format!(
                "{what}: created, but not yet known to every broker"
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The request replaces all settings that the topic has of its own, so they are sent again.
pub(super) fn correct(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    mut own: BTreeMap<String, String>,
    differences: &[Difference],
    patience: Duration,
) -> Result<Vec<String>, BusError> {
    let what = format!("cannot change the settings of topic `{topic}`");
    let mut done = Vec::new();
    for difference in differences {
        if let Difference::Setting { name, wanted, .. } = difference {
            own.insert(name.clone(), wanted.clone());
            done.push(format!("set {name} of {topic} to {wanted}"));
        }
    }
    if done.is_empty() {
        return Ok(done);
    }
    let request = (own.iter())
        .fold(AlterConfig::new(ResourceSpecifier::Topic(topic)), |r, (name, value)| {
            r.set(name, value)
        });
    let answer = wait(admin.alter_configs([&request], &options(patience)));
    match answer.map_err(|e| failed(&what, &e))?.into_iter().next() {
        Some(Err((_, code))) => Err(refusal(&what, code)),
        _ => Ok(done),
    }
}

type Settings = BTreeMap<String, String>;

/// All settings of a topic, and those that it has of its own.
pub(super) fn describe(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    patience: Duration,
) -> Result<(Settings, Settings), BusError> {
    let what = format!("cannot read the settings of topic `{topic}`");
    let answer =
        wait(admin.describe_configs([&ResourceSpecifier::Topic(topic)], &options(patience)));
    let resource = match answer.map_err(|e| failed(&what, &e))?.into_iter().next() {
        Some(Ok(resource)) => resource,
        Some(Err(code)) => return Err(refusal(&what, code)),
        None => return Err(BusError::Retry(format!("{what}: no answer"))),
    };
    let (mut all, mut own) = (BTreeMap::new(), BTreeMap::new());
    for entry in resource.entries {
        let Some(value) = entry.value else { continue };
        if entry.source == ConfigSource::DynamicTopic {
            own.insert(entry.name.clone(), value.clone());
        }
        all.insert(entry.name, value);
    }
    Ok((all, own))
}

fn options(patience: Duration) -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(patience)).request_timeout(Some(patience))
}

fn refusal(what: &str, code: Code) -> BusError {
    match errors::of_code(what, code, &Notes::default()) {
        BusError::Retry(text) if matches!(code, Code::RequestTimedOut | Code::NotController) => {
            BusError::Retry(text)
        }
        BusError::Retry(_) | BusError::Rewind(_) | BusError::Restart(_) => {
            BusError::Stop(format!("{what}: {code}"))
        }
        stop @ BusError::Stop(_) => stop,
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread; the admin client drives itself on a thread of its own.
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
