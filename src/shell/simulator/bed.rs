//! One bed: who lies in it, and when its next thing happens.

use super::course::{Course, Latent, STEP};
use super::front_desk;
use super::input::SourceId;
use super::monitor::Monitor;
use super::observations;
use super::outbox::{Outbox, Sender};
use super::physiology::Physiology;
use super::random::Random;
use super::statistics::Disturbance;
use crate::types::{EncounterChange, EventTime, Feed, PatientId, Span};

/// What happens in a bed again and again, each at its own times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    /// The illness moves on.
    Course,
    /// The monitor sends.
    Monitor,
    /// A nurse charts.
    Nurse,
    /// Blood is drawn.
    Labs,
    /// A study is made.
    Imaging,
    /// Somebody comes or goes.
    Move,
}

const PROCESSES: [Process; 6] = [
    Process::Course,
    Process::Monitor,
    Process::Nurse,
    Process::Labs,
    Process::Imaging,
    Process::Move,
];

const NEVER: EventTime = EventTime::from_millis(i64::MAX);
/// Longest time that a patient who is there at the start has been there.
const ADMITTED_BEFORE: Span = Span::hours(36);

/// Sources of observations, each with its own count of ids.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Monitor,
    Chart,
    Laboratory,
    Radiology,
}

/// One stay of one patient. Who and how ill they are depends on the seed and the stay's number alone,
/// never on what goes wrong with records.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) sender: Sender,
    pub(super) random: Random,
    pub(super) course: Course,
    pub(super) body: Physiology,
    /// Place on the ACVPU scale as last charted.
    pub(super) charted_consciousness: usize,
    /// In intensive care now.
    pub(super) intensive: bool,
    ids: [u32; 4],
}

impl Stay {
    pub(super) fn latent(&self) -> Latent {
        self.course.latent()
    }

    /// An id that no other observation has.
    pub(super) fn next_id(&mut self, source: Source) -> SourceId {
        let count = &mut self.ids[source as usize];
        *count += 1;
        let number = u64::from(*count) | (source as u64) << 29;
        SourceId(u64::from(self.sender.stay) << 32 | number)
    }
}

/// Numbers that are given once in a ward.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    stays: u32,
    patients: u32,
}

#[derive(Debug)]
pub(super) struct Bed {
    number: u32,
    due: [EventTime; PROCESSES.len()],
    pub(super) stay: Option<Stay>,
    monitor: Monitor,
    /// What happens to records and devices.
    travel: Random,
    /// Who lay here last.
    last: Option<PatientId>,
}

impl Bed {
    /// A bed that is taken at the ward's start.
    pub(super) fn new(number: u32, numbers: &mut Numbers, out: &mut Outbox<'_>) -> Self {
        let mut travel = Random::new(out.config.seed ^ 0xbed, u64::from(number));
        let monitor = Monitor::new(&mut travel, &out.config.rates);
        let due = [NEVER; PROCESSES.len()];
        let mut bed = Self { number, due, stay: None, monitor, travel, last: None };
        bed.begin(numbers, out);
        bed
    }

    /// When its next thing happens.
    pub(super) fn next(&self) -> EventTime {
        self.due.iter().copied().min().unwrap_or(NEVER)
    }

    /// Does what is next.
    pub(super) fn run(&mut self, numbers: &mut Numbers, out: &mut Outbox<'_>) {
        let now = self.next();
        let next = PROCESSES.into_iter().find(|process| self.due[*process as usize] == now);
        match next.unwrap_or(Process::Course) {
            Process::Move if self.stay.is_some() => self.discharge(now, out),
            Process::Move => self.admit(now, numbers, out),
            process => self.go_on(process, now, out),
        }
    }

    fn go_on(&mut self, process: Process, now: EventTime, out: &mut Outbox<'_>) {
        let Some(stay) = &mut self.stay else { return };
        let severity = stay.course.severity;
        let wait = match process {
            Process::Course => {
                stay.course.step(&mut stay.random, now);
                stay.body.step(&mut stay.random);
                let pause = self.monitor.step(&mut self.travel, now, out);
                let monitor = &mut self.due[Process::Monitor as usize];
                *monitor = *monitor + pause;
                if stay.body.consciousness(stay.course.severity) != stay.charted_consciousness {
                    self.due[Process::Nurse as usize] = now;
                }
                front_desk::transfer(stay, &mut self.travel, self.number, now, out);
                STEP
            }
            Process::Monitor => {
                self.monitor.send(stay, &mut self.travel, now, out);
                self.travel.about(out.config.vitals_every)
            }
            Process::Nurse => {
                observations::chart(stay, &mut self.travel, now, out);
                stay.random.about(Span::minutes(if severity > 0.5 { 30 } else { 60 }))
            }
            Process::Labs => {
                let foreign = front_desk::ward(self.number) == "ward-b";
                observations::draw_blood(stay, &mut self.travel, foreign, now, out);
                between(&mut stay.random, severity, Span::hours(24), Span::hours(4))
            }
            _ => {
                observations::image(stay, &mut self.travel, now, out);
                between(&mut stay.random, severity, Span::hours(72), Span::hours(8))
            }
        };
        self.due[process as usize] = self.due[process as usize].max(now) + wait;
    }

    /// A patient who is there when the ward begins.
    fn begin(&mut self, numbers: &mut Numbers, out: &mut Outbox<'_>) {
        let start = out.config.start;
        let mut random = Random::new(out.config.seed, u64::from(numbers.stays));
        let [shortest, longest] = out.config.stay;
        let length = random.span(shortest, longest);
        let there = random.span(Span::ZERO, ADMITTED_BEFORE.min(length - Span::minutes(5)));
        let stay = self.take_in(random, start - there, numbers, out);
        let mut passed = start - there;
        while passed < start {
            passed = passed + STEP;
            stay.course.step(&mut stay.random, passed);
        }
        let random = &mut stay.random;
        let before =
            |random: &mut Random, most: Span| start - random.span(Span::ZERO, most.min(there));
        self.due = [
            start + random.span(Span::ZERO, STEP),
            start + random.span(Span::ZERO, out.config.vitals_every),
            before(random, Span::minutes(60)),
            before(random, Span::hours(12)),
            before(random, Span::hours(24)),
            start - there + length,
        ];
    }

    fn admit(&mut self, now: EventTime, numbers: &mut Numbers, out: &mut Outbox<'_>) {
        let mut random = Random::new(out.config.seed, u64::from(numbers.stays));
        let [shortest, longest] = out.config.stay;
        let length = random.span(shortest, longest);
        let stay = self.take_in(random, now, numbers, out);
        let random = &mut stay.random;
        self.due = [
            now + random.span(Span::ZERO, STEP),
            now + random.span(Span::seconds(30), Span::minutes(10)),
            now + random.span(Span::minutes(1), Span::minutes(30)),
            now + random.span(Span::minutes(10), Span::minutes(90)),
            now + random.span(Span::minutes(20), Span::hours(24)),
            now + length,
        ];
    }

    /// Puts the next patient into the bed.
    fn take_in(
        &mut self,
        mut random: Random,
        admitted: EventTime,
        numbers: &mut Numbers,
        out: &mut Outbox<'_>,
    ) -> &mut Stay {
        let returns = random.chance(out.config.rates.readmission);
        let patient = match self.last.take() {
            Some(last) if returns => {
                out.statistics.count(Disturbance::Readmission);
                last
            }
            _ => front_desk::pseudonym(&mut numbers.patients),
        };
        let sender = Sender { patient, bed: self.number, stay: numbers.stays };
        numbers.stays += 1;
        out.statistics.admissions += 1;
        let course = Course::draw(&mut random, admitted);
        let body = Physiology::draw(&mut random, course.kind);
        let known = admitted + random.skewed_span(Span::seconds(5), Span::minutes(20));
        let unit = front_desk::ward(self.number);
        let admission =
            front_desk::encounter(&sender, EncounterChange::Admit, admitted, known, Some(unit));
        out.send(&mut self.travel, &sender, Feed::Encounters, known, admission);
        self.monitor.connect();
        self.stay.insert(Stay {
            sender,
            random,
            course,
            body,
            charted_consciousness: 0,
            intensive: false,
            ids: [0; 4],
        })
    }

    /// The patient leaves; the bed is cleaned for the next one.
    fn discharge(&mut self, now: EventTime, out: &mut Outbox<'_>) {
        let Some(mut stay) = self.stay.take() else { return };
        let known = now + stay.random.skewed_span(Span::seconds(5), Span::minutes(10));
        let record =
            front_desk::encounter(&stay.sender, EncounterChange::Discharge, now, known, None);
        out.send_last(&stay.sender, known, record);
        out.statistics.discharges += 1;
        self.due = [NEVER; PROCESSES.len()];
        self.due[Process::Move as usize] =
            now + stay.random.span(Span::minutes(20), Span::hours(4));
        self.last = Some(stay.sender.patient);
    }
}

/// Time to the next test: `rarely` for the well, `often` for the gravely ill, give or take a third.
fn between(random: &mut Random, severity: f64, rarely: Span, often: Span) -> Span {
    let [rarely, often] = [rarely, often].map(|span| span.as_millis() as f64);
    let mean = rarely + (often - rarely) * (1.6 * severity).min(1.0);
    Span::millis((mean * random.between(0.67, 1.33)) as i64)
}
