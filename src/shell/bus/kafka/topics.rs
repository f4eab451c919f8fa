//! Topics as they should be: what is there, what differs, and making it so.
//!
//! A partition count is never changed: keys would move to other partitions and every lane's state would be wrong. More partitions
//! means new topics.

mod requests;

use super::ask;
use super::context::{Context, Notes};
use super::errors;
use super::{KafkaSettings, Mechanism};
use crate::shell::bus::BusError;
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use requests::{correct, create, describe};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// Copies of each partition; `None`: what the brokers are set to.
    pub replication: Option<u16>,
    /// Its settings, such as `cleanup.policy`, `retention.ms`, `message.timestamp.type`, `min.insync.replicas`, `max.message.bytes`.
    pub settings: BTreeMap<String, String>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The partition count: never changed by [`apply`].
    Partitions {
        /// As it is.
        is: u32,
        /// As it should be.
        wanted: u32,
    },
    /// A setting.
    Setting {
        /// Its name.
        name: String,
        /// As it is; `None`: the brokers do not know it.
        is: Option<String>,
        /// As it should be.
        wanted: String,
    },
}

/// How a topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicState {
    /// It is not there.
    Missing,
    /// It is there; empty: just as it should be.
    There(Vec<Difference>),
}

/// What is there and what differs. Displays one line for a topic and one for each difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Each topic as it should be, how it is, and the settings that it has of its own.
    pub topics: Vec<(TopicSpec, TopicState)>,
    own_settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl Plan {
    /// Whether everything is as it should be.
    pub fn is_done(&self) -> bool {
        self.topics.iter().all(|(_, state)| *state == TopicState::There(Vec::new()))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (spec, state) in &self.topics {
            let TopicSpec { name, partitions, .. } = spec;
            match state {
                TopicState::Missing => {
                    writeln!(f, "{name}: missing, to be created with {partitions} partitions")?
                }
                TopicState::There(differences) if differences.is_empty() => {
                    writeln!(f, "{name}: as it should be")?
                }
                TopicState::There(differences) => {
                    writeln!(f, "{name}: differs")?;
                    for difference in differences {
                        writeln!(f, "  {difference}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partitions { is, wanted } => write!(
                f,
                "has {is} partitions, should have {wanted}: not changed, because keys would move; create new topics instead"
            ),
            Self::Setting { name, is, wanted } => {
                write!(f, "{name} is {}, should be {wanted}", is.as_deref().unwrap_or("unknown"))
            }
        }
    }
}

/// Looks at what is there, and changes nothing.
///
/// # Errors
/// [`BusError::Retry`] where no broker answers, [`BusError::Stop`] for wrong credentials or missing rights.
pub fn plan(settings: &KafkaSettings, specs: &[TopicSpec]) -> Result<Plan, BusError> {
    let patience = patience(settings);
    let consumer = asker(settings)?;
    ask::reach(&consumer, patience)?;
    let admin = admin(settings)?;
    let mut plan = Plan { topics: Vec::new(), own_settings: BTreeMap::new() };
    for spec in specs {
        let state = match ask::find(&consumer, &spec.name, patience)? {
            None => TopicState::Missing,
            Some(partitions) => {
                let (all, own) = describe(&admin, &spec.name, patience)?;
                plan.own_settings.insert(spec.name.clone(), own);
                TopicState::There(differences(spec, partitions, &all))
            }
        };
        plan.topics.push((spec.clone(), state));
    }
    Ok(plan)
}

fn differences(
    spec: &TopicSpec,
    partitions: u32,
    settings: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    if partitions != spec.partitions {
        differences.push(Difference::Partitions { is: partitions, wanted: spec.partitions });
    }
    for (name, wanted) in &spec.settings {
        let is = settings.get(name);
        if is != Some(wanted) {
            let (name, is, wanted) = (name.clone(), is.cloned(), wanted.clone());
            differences.push(Difference::Setting { name, is, wanted });
        }
    }
    differences
}

/// Creates what is missing and corrects settings; may be run again at any time. Returns what it did, one line each.
///
/// # Errors
/// As [`plan`]; and [`BusError::Stop`] where the brokers refuse, with their reason.
pub fn apply(settings: &KafkaSettings, plan: &Plan) -> Result<Vec<String>, BusError> {
    let (admin, consumer) = (admin(settings)?, asker(settings)?);
    let mut done = Vec::new();
    for (spec, state) in &plan.topics {
        match state {
            TopicState::Missing => {
                create(&admin, &consumer, spec, patience(settings))?;
                done.push(format!("created {} with {} partitions", spec.name, spec.partitions));
            }
            TopicState::There(differences) => {
                let own = plan.own_settings.get(&spec.name).cloned().unwrap_or_default();
                done.extend(correct(&admin, &spec.name, own, differences, patience(settings))?);
            }
        }
    }
    Ok(done)
}

fn patience(settings: &KafkaSettings) -> Duration {
    Duration::from_millis(settings.patience.as_millis().max(0) as u64)
}

/// A client whose callbacks tell why it cannot connect; the admin client's do not.
fn asker(settings: &KafkaSettings) -> Result<BaseConsumer<Context>, BusError> {
    let config = settings.client("latefusion-topics");
    config
        .create_with_context(Context::new(settings))
        .map_err(|e| failed("cannot create a client", &e))
}

fn admin(settings: &KafkaSettings) -> Result<AdminClient<DefaultClientContext>, BusError> {
    if settings.mechanism == Some(Mechanism::OauthBearer) {
        // rdkafka's admin client never serves the callback that asks for a token.
        return Err(BusError::Stop(
            "topics cannot be looked at with OAUTHBEARER: use another mechanism for this command, or kafka-topics.sh"
                .to_owned(),
        ));
    }
    let config: ClientConfig = settings.client("latefusion-topics");
    config.create().map_err(|e| failed("cannot create an admin client", &e))
}

fn failed(what: &str, error: &KafkaError) -> BusError {
    errors::bus_error(what, error, &Notes::default())
}
