//! librdkafka's errors as what is to be done about them.

use super::context::Notes;
use crate::shell::bus::BusError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What a code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Brokers away, leaders moving: wait.
    Wait,
    /// The membership is over: abort.
    Abort,
    /// This client is of no use any more.
    Reconnect,
    /// Somebody has to change something.
    Change,
}

/// What a code asks for. Whatever is not known to be more is waited out.
pub(super) fn remedy(code: Code) -> Remedy {
    match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::InvalidTopic
        | Code::InvalidConfig
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::InvalidTransactionTimeout
        | Code::InconsistentGroupProtocol
        | Code::GroupMaxSizeReached
        | Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidRecord
        | Code::PolicyViolation
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature => Remedy::Change,
        // A client that has seen only half of a broker's start says so of topics that are there: who connects again asks.
        Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownPartition
        | Code::Fatal
        | Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::UnknownProducerId
        | Code::OutOfOrderSequenceNumber
        | Code::GaplessGuarantee
        | Code::FencedInstanceId
        | Code::PurgeQueue
        | Code::PurgeInflight
        | Code::InvalidTransactionalState
        | Code::State
        | Code::AutoOffsetReset
        | Code::NoOffset
        | Code::OffsetOutOfRange
        | Code::LogTruncation => Remedy::Reconnect,
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::AssignmentLost
        | Code::MemberIdRequired
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::MessageTimedOut
        | Code::Inconsistent => Remedy::Abort,
        _ => Remedy::Wait,
    }
}

/// What a person can do about a code.
fn advice(code: Code) -> &'static str {
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "check user, password, token and mechanism"
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => "give this user the right to it (ACL)",
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            "create it with `latefusion topics`"
        }
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => {
            "raise max.message.bytes of the topic"
        }
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            "another process uses the same worker id, or this one hung for longer than the transaction timeout"
        }
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::NoOffset => {
            "the log no longer holds the offset: give the topic a longer retention"
        }
        Code::IllegalGeneration | Code::UnknownMemberId | Code::AssignmentLost => {
            "the group went on without this worker, which was too slow or cut off"
        }
        Code::InvalidTransactionTimeout => {
            "lower transaction_timeout or raise the brokers' transaction.max.timeout.ms"
        }
        Code::InvalidSessionTimeout => {
            "choose a session_timeout within the brokers' group.min/max.session.timeout.ms"
        }
        Code::InconsistentGroupProtocol => {
            "another client uses the same group with another assignor: name another group"
        }
        _ => "check that the brokers run and can be reached",
    }
}

/// `what happened: the error; the last word of the connection; what to do`.
pub(super) fn text(what: &str, code: Code, notes: &Notes) -> String {
    let heard = notes.hopeless.as_ref().or(notes.last_error.as_ref());
    let heard = heard.map(|heard| format!("; last heard: {heard}")).unwrap_or_default();
    format!("{what}: {code}{heard}; {}", advice(code))
}

/// A failed call outside of transactions.
pub(super) fn bus_error(what: &str, error: &KafkaError, notes: &Notes) -> BusError {
    match error.rdkafka_error_code() {
        Some(code) => of_code(what, code, notes),
        // Client creation and configuration have no code.
        None => BusError::Stop(format!("{what}: {error}; correct the configuration")),
    }
}

/// As [`bus_error`], of a bare code.
pub(super) fn of_code(what: &str, code: Code, notes: &Notes) -> BusError {
    if let Some(reason) = &notes.hopeless {
        return BusError::Stop(format!("{what}: {reason}; {}", advice(Code::Authentication)));
    }
    let text = text(what, code, notes);
    match remedy(code) {
        Remedy::Wait => BusError::Retry(text),
        Remedy::Abort | Remedy::Reconnect => BusError::Restart(text),
        Remedy::Change => BusError::Stop(text),
    }
}
