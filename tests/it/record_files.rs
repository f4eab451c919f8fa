//! Recorded events and fused scores, to files and back.

use crate::tiny;
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use latefusion::modality::Registry;
use latefusion::shell::record_files::{FileError, Identity, Record, json_lines, scores, wide};
use latefusion::types::{
    Absence, Band, BandHeld, Encounter, EncounterChange, Event, EventStatus, EventTime, Fault,
    Feed, FusedScore, FusedStatus, IssueTime, ModalityId, ObservationId, Pane, PatientId, Position,
    Presence, Present, RejectReason, Risk, SourceLane, Span, Values, Window,
};
use std::path::Path;
use std::sync::Arc;

fn patient(text: &str) -> PatientId {
    PatientId::new(text).expect("an id of the tests")
}

fn event(number: i64) -> Event {
    let mut values = Values::default();
    for column in 0..5_u8 {
        if (number + i64::from(column)) % 3 != 0 {
            let lowest = if column == 4 { 3_000 } else { 300 };
            values.set(column, lowest + (number % 400) as i16);
        }
    }
    Event {
        patient: patient(&format!("bed-{}", number % 17)),
        modality: ModalityId(0),
        id: ObservationId(number as u64 + (1 << 63)),
        event_time: EventTime::from_millis(1_000 * number),
        issued: IssueTime::from_millis(1_000 * number + 250),
        version: (number % 2) as u32,
        status: if number % 2 == 0 { EventStatus::Final } else { EventStatus::Corrected },
        values,
    }
}

type Rows = Vec<Result<Event, Fault>>;

fn read_wide(path: &Path, registry: &Registry) -> Rows {
    let mut reader = wide::Reader::open(path, registry, None).expect("a file of events");
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    while reader.next_batch(&mut rows).expect("an intact file") {
        all.append(&mut rows);
    }
    all
}

/// Values as sorted pairs: their order in an observation says nothing.
fn sorted(event: &Event) -> (Event, Vec<(u8, i16)>) {
    let mut pairs: Vec<_> = event.values.iter().collect();
    pairs.sort_unstable();
    (Event { values: Values::default(), ..event.clone() }, pairs)
}

#[test]
fn events_come_back_from_every_wide_format_as_they_were_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let events: Vec<Event> = (0..2_500).map(event).collect();
    let mut compared = 0;
    for name in ["vitals.parquet", "vitals.arrow", "vitals.arrows"] {
        let path = folder.path().join(name);
        let mut writer = wide::Writer::create(&path, &tiny::VITALS).expect("a new file");
        for part in events.chunks(1_100) {
            writer.write(part).expect("a file on disk");
        }
        writer.finish().expect("a file on disk");
        let read = read_wide(&path, &tiny::registry());
        assert_eq!(read.len(), events.len(), "{name}");
        for (read, written) in read.iter().zip(&events) {
            assert_eq!(sorted(read.as_ref().expect("a good row")), sorted(written), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 7_500);
}

fn decoded(columns: Vec<(&str, ArrayRef)>) -> Rows {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)));
    let batch = batch.expect("columns of one length");
    let decoder = wide::Decoder::new(&batch.schema(), ModalityId(0), &tiny::VITALS);
    let mut rows = Vec::new();
    decoder.expect("columns of vitals").decode(&batch, &mut rows).expect("the schema's types");
    rows
}

fn reasons(rows: &Rows) -> Vec<Option<RejectReason>> {
    rows.iter().map(|row| row.as_ref().err().map(|fault| fault.reason)).collect()
}

#[test]
fn a_bad_row_is_a_fault_in_its_place_and_the_rows_around_it_stay() {
    use RejectReason::{BadPatientId, BadStatus, BadTime, ImplausibleValue, MissingField};
    let long = "x".repeat(65);
    let patients = ["a", "", &long, "a", "a", "a", "a", "a", "a", "a"];
    let statuses = [None, None, None, None, None, None, None, Some("odd"), None, Some("final")];
    let ok = Some(5_000);
    let times = [ok, ok, ok, None, Some(-1), ok, ok, ok, ok, ok];
    let bad = [(5, f64::NAN), (6, 999.0)];
    let rates = (0..10).map(|i| {
        let bad = bad.iter().find(|(at, _)| *at == i).map(|(_, rate)| *rate);
        (i != 8).then(|| bad.unwrap_or(70.0))
    });
    let rows = decoded(vec![
        ("patient", Arc::new(StringArray::from(patients.to_vec()))),
        ("event_time", Arc::new(TimestampMillisecondArray::from(times.to_vec()))),
        ("issued", Arc::new(TimestampMillisecondArray::from(vec![4_000; 10]))),
        ("status", Arc::new(StringArray::from(statuses.to_vec()))),
        ("heart_rate_per_min", Arc::new(rates.collect::<Float64Array>())),
    ]);
    let faults =
        [BadPatientId, BadPatientId, MissingField, BadTime, ImplausibleValue, ImplausibleValue];
    let wanted: Vec<_> = std::iter::once(None)
        .chain(faults.map(Some))
        .chain([Some(BadStatus), Some(MissingField), None])
        .collect();
    assert_eq!(reasons(&rows), wanted);
    let first = rows[0].as_ref().expect("a good row");
    assert_eq!(first.issued, IssueTime::from_millis(5_000), "moved up to the event time");
    let derived = Identity::of(&tiny::VITALS).derive(first.event_time, &first.values);
    assert_eq!((first.id, first.status), (derived, EventStatus::Final));
}

#[test]
fn a_dictionary_of_patients_reads_like_plain_text_whatever_its_size() {
    let texts = ["p1", "p 2", "p1", "p3", "p 2"];
    let rest = || -> Vec<(&str, ArrayRef)> {
        let times = Arc::new(TimestampMillisecondArray::from(vec![1_000; 5]));
        let rates = Arc::new(Int64Array::from(vec![60, 61, 62, 63, 64]));
        vec![("event_time", times.clone()), ("issued", times), ("heart_rate_per_min", rates)]
    };
    let with = |patients: ArrayRef| decoded([vec![("patient", patients)], rest()].concat());
    let plain = with(Arc::new(StringArray::from(texts.to_vec())));
    let small: DictionaryArray<Int32Type> = texts.into_iter().collect();
    let values = StringArray::from(vec!["p1", "p 2", "p3", "p4", "p5", "p6", "p7"]);
    let large = DictionaryArray::<Int32Type>::new(vec![0, 1, 0, 2, 1].into(), Arc::new(values));
    assert_eq!(plain, with(Arc::new(small)));
    assert_eq!(plain, with(Arc::new(large)));
    assert_eq!(plain.iter().filter(|row| row.is_err()).count(), 2);
}

#[test]
fn a_table_with_a_column_that_is_not_the_modalitys_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("labs.parquet");
    let labs = tiny::registry().find("labs").expect("a modality of the tests").1;
    wide::Writer::create(&path, labs).expect("a new file").finish().expect("a file on disk");
    assert!(read_wide(&path, &tiny::registry()).is_empty());
    let only_vitals = Registry::new(vec![&tiny::VITALS]);
    let refused = wide::Reader::open(&path, &only_vitals, Some("vitals"));
    assert!(matches!(refused, Err(FileError::Schema { .. })), "the file names its modality");
    let misspelt = latefusion::shell::record_files::wide::schema(labs);
    let error = wide::Decoder::new(&misspelt, ModalityId(0), &tiny::VITALS).expect_err("labs");
    assert!(error.contains("potassium_mmol_per_l"), "{error}");
}

fn encounter(payload: &[u8]) -> Result<Encounter, Fault> {
    let bad = |_| Fault::new(RejectReason::Undecodable, "no encounter of the tests");
    let text: String = serde_json::from_slice(payload).map_err(bad)?;
    let time = EventTime::from_millis(0);
    let change = EncounterChange::Admit;
    let issued = IssueTime::from_millis(0);
    Ok(Encounter { patient: patient(&text), change, event_time: time, issued, unit: None })
}

fn lines(text: &[u8]) -> Vec<json_lines::Line> {
    let registry = tiny::registry();
    let mut reader =
        json_lines::Reader::new(text, Path::new("test"), &registry, ("encounters", encounter));
    std::iter::from_fn(|| reader.next_line().expect("bytes in memory")).collect()
}

#[test]
fn json_lines_are_read_as_we_write_them_and_as_kcat_prints_them() {
    let text = concat!(
        r#"{"topic":"vitals","partition":3,"offset":17,"ingest_time":"1970-01-01T00:00:09.500Z","key":"p1","value":"p1@5000=70"}"#,
        "\n\r\n",
        r#"{"topic":"vitals","partition":3,"offset":18,"tstype":"create","ts":9600,"broker":0,"headers":["a","b"],"key":"p1","payload":"\"p1@5000=70\""}"#,
        "\n",
        r#"{"topic":"encounters","key":null,"value":"p1"}"#,
    );
    let read = lines(text.as_bytes());
    let [ours, kcat, stay] = read.as_slice() else { panic!("three lines, got {}", read.len()) };
    assert_eq!(ours.row, kcat.row);
    assert!(matches!(&ours.row, Ok(Record::Event(e)) if e.patient.as_str() == "p1"));
    assert!(matches!(&stay.row, Ok(Record::Encounter(_))));
    let place = |line: &json_lines::Line| {
        (line.number, line.partition, line.offset, line.ingest_time.map(|t| t.as_millis()))
    };
    assert_eq!(place(ours), (1, Some(3), Some(17), Some(9_500)));
    assert_eq!(place(kcat), (3, Some(3), Some(18), Some(9_600)));
    assert_eq!(place(stay), (4, None, None, None));
}

#[test]
fn a_bad_line_is_a_fault_and_the_next_one_is_read() {
    use RejectReason::*;
    let good = r#"{"topic":"vitals","value":"p1@5000=70"}"#;
    let big = format!(r#"{{"topic":"vitals","value":"{}"}}"#, "x".repeat(5 << 20));
    let cases = [
        ("{", Undecodable),
        ("\u{0}\u{1}", Undecodable),
        ("[]", Undecodable),
        (r#"{"value":"p1@5000=70"}"#, Undecodable),
        (r#"{"topic":"vitals"}"#, MissingField),
        (r#"{"topic":"vitals","value":1,"payload":"1"}"#, Undecodable),
        (r#"{"topic":"elsewhere","value":"p1@5000=70"}"#, UnknownCode),
        (r#"{"topic":"vitals","key":"p2","value":"p1@5000=70"}"#, KeyMismatch),
        (r#"{"topic":"encounters","key":"p2","value":"p1"}"#, KeyMismatch),
        (r#"{"topic":"vitals","ts":-5,"value":"p1@5000=70"}"#, BadTime),
        (r#"{"topic":"vitals","ingest_time":"noon","value":"p1@5000=70"}"#, BadTime),
        (r#"{"topic":"vitals","value":"p1@5000=70000"}"#, ImplausibleValue),
        (&big, Oversized),
    ];
    for (text, reason) in &cases {
        let read = lines(format!("{text}\n{good}\n").as_bytes());
        let [bad, good] = read.as_slice() else { panic!("two lines, got {}", read.len()) };
        let fault = bad.row.as_ref().expect_err("a bad line");
        assert_eq!(fault.reason, *reason, "{}", &text[..text.len().min(80)]);
        assert!(good.row.is_ok() && good.number == 2);
    }
    let read = lines(br#"{"topic":"vitals","key":"p2","value":"p1@5000=70000"}"#);
    let about = read[0].about.as_ref().map(|(id, patient)| (id.index(), patient.as_str()));
    assert_eq!(about, Some((0, "p2")), "whose record it was is known all the same");
}

fn score(number: i64) -> FusedScore {
    let risk = |p| Risk::new(p).expect("a probability");
    let lane = SourceLane { feed: Feed::Modality(ModalityId(0)), epoch: 1, partition: 2 };
    let present = Presence::Present(Present {
        event_time: EventTime::from_millis(number * 10_000 - 500),
        age: Span::millis(500),
        risk: risk(0.2),
        weight: 1.0,
        contribution: -0.5,
        model: "news2@1".into(),
        source: Position { lane, offset: 40 + number },
    });
    let stale = Presence::Absent(Absence::Stale, Some(EventTime::from_millis(7)));
    let present_at = number % 2 == 0;
    FusedScore {
        patient: patient(&format!("bed-{}", number % 5)),
        window: Window::ending(EventTime::from_millis(number * 10_000), Span::seconds(10)),
        pane: Pane::OnTime,
        revision: 0,
        status: if present_at { FusedStatus::Degraded } else { FusedStatus::InsufficientData },
        risk: present_at.then(|| risk(0.2)),
        interval: present_at.then(|| [risk(0.1), risk(0.4)]),
        band: Some(Band::High),
        band_held: Some(BandHeld { without_hold: present_at.then_some(Band::Medium), by: 0b110 }),
        modalities: vec![
            if present_at { present } else { Presence::Absent(Absence::Never, None) },
            stale,
        ],
        unit: None,
        package: "abc".into(),
    }
}

fn write_scores(path: &Path, count: i64) -> Vec<u8> {
    let mut writer = scores::ParquetWriter::create(path, &tiny::registry()).expect("a new file");
    for number in 0..count {
        writer.write(score(number)).expect("a file on disk");
    }
    writer.finish().expect("a file on disk");
    std::fs::read(path).expect("the file just written")
}

#[test]
fn fused_scores_become_flat_columns_and_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("scores.parquet");
    let bytes = write_scores(&path, 9_000);
    assert_eq!(bytes, write_scores(&folder.path().join("again.parquet"), 9_000));
    let file = std::fs::File::open(&path).expect("the file just written");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let reader = reader.expect("Parquet").build().expect("Parquet");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("an intact file")).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 9_000);
    let first = &batches[0];
    let column = |name: &str| first.column_by_name(name).expect("a documented column");
    let text = |name: &str, row| column(name).as_string::<i32>().value(row).to_owned();
    let number = |name: &str| column(name).as_primitive::<Float64Type>().clone();
    assert_eq!((number("risk").value(0), number("upper").value(0)), (0.2, 0.4));
    assert!(number("risk").is_null(1) && number("vitals_risk").is_null(1));
    assert_eq!(
        (text("band_held_by", 0), text("band_without_hold", 0)),
        ("labs,imaging".into(), "medium".into())
    );
    let presences = ["vitals", "labs", "imaging"].map(|m| text(&format!("{m}_presence"), 0));
    assert_eq!(presences, ["present", "stale", "never"]);
    assert_eq!(
        (number("vitals_age_seconds").value(0), text("vitals_source_topic", 0)),
        (0.5, "vitals".into())
    );
    let offsets = column("vitals_source_offset").as_primitive::<Int64Type>();
    assert_eq!((offsets.value(0), offsets.is_null(1)), (40, true));
}

#[test]
fn fused_scores_become_json_lines_by_the_encoder_given() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("scores.jsonl");
    let encode = |score: &FusedScore, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("{{\"revision\":{}}}", score.revision).as_bytes());
    };
    let mut writer = scores::JsonLinesWriter::create(&path, encode).expect("a new file");
    writer.write(&score(0)).expect("a file on disk");
    writer.write(&score(1)).expect("a file on disk");
    writer.finish().expect("a file on disk");
    let text = std::fs::read_to_string(&path).expect("the file just written");
    assert_eq!(text, "{\"revision\":0}\n{\"revision\":0}\n");
}
