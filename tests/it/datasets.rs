//! The readers of the real data sets, on invented rows in their formats.

use crate::tiny;
use arrow::array::{ArrayRef, DurationSecondArray, Float64Array, Int32Array, RecordBatch};
use latefusion::modality::Registry;
use latefusion::shell::datasets::{self, Dataset, DatasetError, Kind, Skip};
use latefusion::types::{EncounterChange, Event, EventStatus};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder");
    std::fs::write(path, text).expect("a temporary file");
}

fn read(kind: Kind, folder: &Path, registry: &Registry) -> Dataset {
    let (mut last, mut steps) = (0, 0);
    let dataset = datasets::open(kind, folder, registry, &mut |progress| {
        assert!(progress.done > last && progress.done <= progress.total, "progress rises");
        last = progress.done;
        steps += 1;
    });
    assert!(steps > 0, "progress was reported");
    let dataset = dataset.expect("the folder is complete");
    assert!(dataset.account.balances(), "{}", dataset.account);
    assert!(dataset.events.windows(2).all(|w| w[0].issued <= w[1].issued), "replay order");
    dataset
}

/// `minute/modality/patient: column=value …` for every event, in order.
fn shown(dataset: &Dataset, registry: &Registry) -> Vec<String> {
    dataset.events.iter().map(|event| show(event, dataset, registry)).collect()
}

fn show(event: &Event, dataset: &Dataset, registry: &Registry) -> String {
    let modality = registry.get(event.modality).expect("a modality of the registry");
    let begins = dataset.stays.first().expect("there is a stay").begins;
    let minute = (event.event_time - begins).as_millis() / 60_000;
    assert_eq!(event.event_time.as_millis(), event.issued.as_millis());
    let mut values: Vec<String> = event
        .values
        .iter()
        .map(|(column, steps)| {
            let column = &modality.columns[usize::from(column)];
            let name = column.name.split('_').next().unwrap_or_default();
            format!(" {name}={}", column.to_value(steps))
        })
        .collect();
    values.sort();
    if event.status == EventStatus::Registered {
        values.push(" registered".to_owned());
    }
    format!("{minute}/{}/{}:{}", modality.name, event.patient.as_str(), values.concat())
}

const HEADER_2012: &str = "Time,Parameter,Value\n";

fn cinc2012(first: &str, second: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "set-a/101.txt", &(HEADER_2012.to_owned() + first));
    write(folder.path(), "set-b/202.txt", &(HEADER_2012.to_owned() + second));
    let head = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n";
    write(folder.path(), "Outcomes-a.txt", &format!("{head}101,12,-1,5,-1,0\n"));
    write(folder.path(), "Outcomes-b.txt", &format!("{head}202,20,7,9,4,1\nbroken\n"));
    folder
}

#[test]
fn cinc2012_groups_vitals_by_minute_and_gives_every_result_an_event_of_its_own() {
    let folder = cinc2012(
        "00:00,RecordID,101\n00:00,Age,54\n00:00,Gender,1\n00:00,Height,-1\n00:00,ICUType,3\n00:00,Weight,80\n\
         00:07,HR,73\n00:07,Temp,36.6\n00:07,FiO2,0.5\n00:07,K,4.1\n01:30,HR,80\n",
        "00:07,HR,99\r\n",
    );
    let dataset = read(Kind::Cinc2012, folder.path(), &tiny::registry());
    assert_eq!(
        shown(&dataset, &tiny::registry()),
        [
            "7/vitals/101: heart=73 temperature=36.6",
            "7/vitals/202: heart=99",
            "7/labs/101: fio2=50", // of one time and patient, in order of the ids
            "7/labs/101: potassium=4.1",
            "90/vitals/101: heart=80",
        ]
    );
    let [first, second] = dataset.stays.as_slice() else { panic!("two stays") };
    assert_eq!((first.context.age_years, first.context.male), (Some(54.0), Some(true)));
    assert_eq!((first.context.height_cm, first.context.weight_kg), (None, Some(80.0)));
    assert_eq!((first.outcome.saps_i, first.outcome.sofa), (Some(12.0), None));
    assert_eq!((first.unit.as_deref(), first.ends), (Some("medical"), None));
    assert_eq!(second.outcome.died_in_hospital, Some(true));
    assert!(dataset.encounters.iter().all(|e| e.change == EncounterChange::Admit));
    assert_eq!(dataset.encounters.len(), 2);
}

#[test]
fn cinc2012_accounts_for_every_row_it_skips() {
    let folder = cinc2012(
        "00:00,RecordID,101\n00:00,Weight,-1\n00:05,,3\n00:05,Shoe,44\n00:05,Urine,60\n00:05,Weight,80\n\
         00:05,HR,-1\n00:05,HR,none\n00:05,HR\n0:05,HR,70\n00:65,HR,70\n00:05,HR,NaN\n00:05,Temp,-17.8\n\
         00:06,MAP,70\n00:06,MAP,75\n",
        "",
    );
    let dataset = read(Kind::Cinc2012, folder.path(), &tiny::registry());
    assert_eq!(shown(&dataset, &tiny::registry()), ["6/vitals/101: mean=75"]);
    let (name, records) = &dataset.account.tables[1];
    assert_eq!((*name, records.rows, records.in_events, records.in_context), ("records", 15, 1, 1));
    let skipped = Skip::ALL.map(|reason| records.skipped_for(reason));
    // empty, unknown, no column, other, not known, unparsable, implausible, before, after, no stay, repeated, less direct
    assert_eq!(skipped, [1, 1, 2, 0, 2, 5, 1, 0, 0, 0, 1, 0]);
    assert_eq!(dataset.account.tables[0].1.skipped_for(Skip::Unparsable), 1, "an outcome row");
}

#[test]
fn an_invasive_pressure_goes_before_a_cuff_unless_it_is_implausible() {
    let folder = cinc2012(
        "00:01,NISysABP,120\n00:01,SysABP,131\n00:01,NIMAP,80\n00:02,SysABP,0\n00:02,NISysABP,122\n",
        "",
    );
    let dataset = read(Kind::Cinc2012, folder.path(), &tiny::registry());
    assert_eq!(
        shown(&dataset, &tiny::registry()),
        ["1/vitals/101: mean=80 systolic=131", "2/vitals/101: systolic=122"]
    );
    let total = dataset.account.total();
    assert_eq!((total.skipped_for(Skip::LessDirect), total.skipped_for(Skip::Implausible)), (1, 1));
}

#[test]
fn a_fourth_modality_takes_over_the_columns_it_names() {
    let rows = "00:03,FiO2,0.4\n00:03,MechVent,1\n00:03,K,4\n";
    let folder = cinc2012(rows, "");
    let three = read(Kind::Cinc2012, folder.path(), &tiny::registry());
    assert_eq!(three.account.total().skipped_for(Skip::NoColumn), 1, "ventilation has no column");
    let four = tiny::registry_with_ventilation();
    let dataset = read(Kind::Cinc2012, folder.path(), &four);
    assert_eq!(
        shown(&dataset, &four),
        ["3/labs/101: potassium=4", "3/ventilation/101: fio2=40 mech=1"]
    );
}

#[test]
fn a_folder_that_was_not_unpacked_says_how_to_unpack_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for kind in [Kind::Cinc2012, Kind::Cinc2019] {
        let error = datasets::open(kind, folder.path(), &tiny::registry(), &mut |_| {});
        assert!(error.expect_err("empty").to_string().contains("tar -xJf"), "{kind:?}");
    }
    let error = datasets::open(Kind::EicuDemo, folder.path(), &tiny::registry(), &mut |_| {});
    assert!(matches!(error, Err(DatasetError::Incomplete { .. })));
}

#[test]
fn cinc2019_takes_an_hourly_row_as_known_at_the_hours_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let head = "HR|O2Sat|Lactate|EtCO2|Mood|Age|Unit1|Unit2|ICULOS|SepsisLabel\n";
    let rows = "90|97|NaN|30|1|60|0|1|1|0\n91|12|2.5|NaN|NaN|60|0|1|2|1\nNaN|x|NaN|NaN|NaN|60|0|1|3|1\n\
                1|1|1|1|1|1|1|1|NaN|1\n";
    write(folder.path(), "training_setB/p1.psv", &(head.to_owned() + rows));
    let dataset = read(Kind::Cinc2019, folder.path(), &tiny::registry());
    assert_eq!(
        shown(&dataset, &tiny::registry()),
        ["60/vitals/p1: heart=90 spo2=97", "120/vitals/p1: heart=91", "120/labs/p1: lactate=2.5"]
    );
    let stay = &dataset.stays[0];
    let label = stay.outcome.sepsis_label_from.expect("the label turns 1");
    assert_eq!((label - stay.begins).to_string(), "2h");
    assert_eq!(stay.ends.map(|end| (end - stay.begins).to_string()), Some("4h".to_owned()));
    assert_eq!(stay.unit.as_deref(), Some("surgical"));
    let total = dataset.account.total();
    let skipped = |reason| total.skipped_for(reason);
    assert_eq!((total.rows, total.in_events, total.in_context), (4, 4, 15));
    assert_eq!((skipped(Skip::NoColumn), skipped(Skip::UnknownParameter)), (1, 1));
    assert_eq!((skipped(Skip::Implausible), skipped(Skip::Unparsable)), (1, 2));
}

fn eicu(folder: &Path) {
    write(
        folder,
        "patient.csv",
        "patientunitstayid,gender,age,admissionheight,admissionweight,unittype,unitdischargeoffset,hospitaldischargestatus\n\
         11,Male,> 89,170,,Med-Surg ICU,150,Expired\n12,Female,40,,60.5,\"MICU, west\",90,\n",
    );
    write(
        folder,
        "apachepatientresult.csv",
        "patientunitstayid,apacheversion,predictedhospitalmortality,actualhospitalmortality\n\
         11,IVa,0.4,EXPIRED\n11,IV,0.3,EXPIRED\n12,IV,-1,ALIVE\n99,IV,0.1,ALIVE\n",
    );
    write(
        folder,
        "treatment.csv",
        "patientunitstayid,treatmentoffset,treatmentstring\n\
         11,30,pulmonary|radiologic procedures / bronchoscopy|chest x-ray\n\
         11,70,pulmonary|radiologic procedures / bronchoscopy|chest x-ray\n11,70,dialysis\n\
         12,-5,pulmonary|radiologic procedures / bronchoscopy|chest x-ray\n",
    );
    write(
        folder,
        "diagnosis.csv",
        "patientunitstayid,diagnosisoffset,diagnosisstring\n\
         11,30,pulmonary|pulmonary infections|pneumonia\n\
         11,30,infectious diseases|chest/pulmonary infections|pneumonia\n\
         11,30,pulmonary|pleural disorders|pleural effusion|right\n\
         12,95,pulmonary|pleural disorders|pneumothorax\n12,10,endocrine|diabetes\n",
    );
    let packed = "patientunitstayid,observationoffset,noninvasivesystolic,noninvasivediastolic,noninvasivemean,\
        paop,cardiacoutput,cardiacinput,svr,svri,pvr,pvri\n\
        11,60,130.0,,90.0,18.0,,,,,,\n11,61,1,,,,,,,,,\n99,5,120,,,,,,,,,\n";
    let file = std::fs::File::create(folder.join("vitalaperiodic.csv.gz")).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(packed.as_bytes()).expect("a file on disk");
    gzip.finish().expect("a file on disk");
    let columns: [(&str, ArrayRef); 6] = [
        ("stay_id", Arc::new(Int32Array::from(vec![11, 11, 12]))),
        ("time", Arc::new(DurationSecondArray::from(vec![0, 7_200, 0]))),
        ("hr", Arc::new(Float64Array::from(vec![Some(80.0), Some(81.0), None]))),
        ("sbp", Arc::new(Float64Array::from(vec![Some(140.0), None, Some(f64::NAN)]))),
        ("mg", Arc::new(Float64Array::from(vec![None, None, Some(2.1)]))),
        ("cl", Arc::new(Float64Array::from(vec![Some(100.0), None, None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let file = std::fs::File::create(folder.join("hourly_dyn.parquet")).expect("a file");
    let writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None);
    let mut writer = writer.expect("a schema that Parquet has");
    writer.write(&batch).expect("a file on disk");
    writer.close().expect("a file on disk");
}

#[test]
fn the_eicu_demo_gives_vitals_labs_imaging_and_the_ends_of_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    eicu(folder.path());
    let dataset = read(Kind::EicuDemo, folder.path(), &tiny::registry());
    assert_eq!(
        shown(&dataset, &tiny::registry()),
        [
            "30/imaging/11: consolidation=1 pleural=1",
            "60/vitals/11: heart=80 mean=90 systolic=130",
            "60/labs/12: magnesium=2.1",
            "70/imaging/11: registered",
        ]
    );
    let [first, second] = dataset.stays.as_slice() else { panic!("two stays") };
    assert_eq!((first.outcome.apache_risk, second.outcome.apache_risk), (Some(0.4), None));
    assert_eq!(first.outcome.died_in_hospital, Some(true));
    assert_eq!(second.outcome.died_in_hospital, Some(false), "from the APACHE table");
    assert_eq!(first.unit.as_deref(), Some("med-surg-icu"));
    assert_eq!((first.context.age_years, second.context.weight_kg), (Some(90.0), Some(60.5)));
    let ends: Vec<_> = dataset.encounters.iter().map(|e| (e.change, e.patient.as_str())).collect();
    use EncounterChange::{Admit, Discharge};
    assert_eq!(ends, [(Admit, "11"), (Admit, "12"), (Discharge, "12"), (Discharge, "11")]);
}

#[test]
fn the_eicu_demo_accounts_for_every_value_it_skips() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    eicu(folder.path());
    let account = read(Kind::EicuDemo, folder.path(), &tiny::registry()).account;
    let table = |name| {
        let found = account.tables.iter().find(|(n, _)| *n == name);
        &found.expect("a table of that name").1
    };
    let hourly = table("hourly_dyn");
    // The heart rate of the last hour, which ends after discharge; chloride; the pressure that gave way.
    assert_eq!((hourly.rows, hourly.values, hourly.in_events), (3, 5, 2));
    assert_eq!(hourly.skipped_for(Skip::AfterEnd), 1);
    assert_eq!((hourly.skipped_for(Skip::NoColumn), hourly.skipped_for(Skip::LessDirect)), (1, 1));
    let pressures = table("vitalaperiodic");
    assert_eq!((pressures.values, pressures.in_events), (5, 2));
    assert_eq!(pressures.skipped_for(Skip::UnknownStay), 1);
    let x_rays = table("treatment");
    assert_eq!((x_rays.values, x_rays.in_events), (4, 2));
    assert_eq!(x_rays.skipped_for(Skip::BeforeAdmission), 1);
    let findings = table("diagnosis");
    assert_eq!((findings.values, findings.in_events), (5, 2));
    assert_eq!(
        (findings.skipped_for(Skip::Repeated), findings.skipped_for(Skip::AfterEnd)),
        (1, 1)
    );
    assert_eq!(table("apachepatientresult").skipped_for(Skip::UnknownStay), 1);
}
