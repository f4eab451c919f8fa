//! Events by wall clock, written with a plain producer.

use latefusion::types::rfc3339;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}

/// Key of a patient.
pub fn name(patient: u32) -> String {
    format!("p{patient:07}")
}

fn time(millis: i64) -> String {
    let text = rfc3339::text(millis).expect("a date of this century");
    String::from_utf8_lossy(&text).into_owned()
}

/// Eight vital signs that change from second to second.
pub fn vitals(patient: u32, at: i64) -> String {
    let mixed = (u64::from(patient) ^ (at as u64 / 1_000)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = |i: u32, lowest: u64, range: u64| lowest + (mixed >> (8 * i)) % range;
    let at = time(at);
    format!(
        "{{\"patient\":\"{}\",\"event_time\":\"{at}\",\"issued\":\"{at}\",\"heart_rate_per_min\":{},\
         \"respiratory_rate_per_min\":{},\"spo2_percent\":{},\"oxygen\":\"air\",\"systolic_pressure_mmhg\":{},\
         \"diastolic_pressure_mmhg\":{},\"temperature_celsius\":36.{},\"consciousness\":\"A\"}}",
        name(patient),
        value(0, 55, 60),
        value(1, 10, 16),
        value(2, 90, 10),
        value(3, 95, 60),
        value(4, 50, 40),
        value(5, 0, 9),
    )
}

/// A lactate, issued at once; the value alternates between normal and high, so that each one changes the score.
pub fn lactate(patient: u32, at: i64, number: u32) -> String {
    let value = if number.is_multiple_of(2) { "1.1" } else { "4.6" };
    let at = time(at);
    format!(
        "{{\"patient\":\"{}\",\"specimen_time\":\"{at}\",\"result_time\":\"{at}\",\"analyte\":\"lactate\",\
         \"value\":{value},\"unit\":\"mmol/L\"}}",
        name(patient)
    )
}

/// A plain idempotent producer.
pub struct Feeder(BaseProducer);

impl Feeder {
    pub fn connect(brokers: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "1")
            .create();
        Self(producer.expect("the settings are right"))
    }

    pub fn send(&self, topic: &str, key: &str, payload: &str) {
        let mut record = BaseRecord::to(topic).key(key).payload(payload);
        loop {
            match self.0.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.0.poll(Duration::from_millis(1));
                    record = back;
                }
                Err((error, _)) => panic!("cannot send: {error}"),
            }
        }
    }

    /// Serves acknowledgements, then sleeps. rdkafka's `poll` spins where it is to wait for less than a millisecond.
    pub fn serve(&self, pause: Duration) {
        self.0.poll(Duration::ZERO);
        std::thread::sleep(pause);
    }

    pub fn flush(&self) {
        self.0.flush(crate::site::PATIENCE).expect("the broker is there");
    }
}

/// Stream of vital signs that ends now: every patient once a second for so many seconds, patients spread over each second.
pub fn write_past(brokers: &str, topic: &str, patients: u32, seconds: u32) -> u64 {
    let feeder = Feeder::connect(brokers);
    let begin = now() - i64::from(seconds) * 1_000;
    for second in 0..seconds {
        for patient in 0..patients {
            let spread = i64::from(patient) * 1_000 / i64::from(patients);
            let at = begin + i64::from(second) * 1_000 + spread;
            feeder.send(topic, &name(patient), &vitals(patient, at));
        }
        feeder.serve(Duration::ZERO);
    }
    feeder.flush();
    u64::from(seconds) * u64::from(patients)
}
