//! Made-up radiology reports, marked as such in their first words.
//!
//! They show the pipeline what real reports make hard: negation, doubt, history that is no finding, questions in the
//! indication, findings in an addendum only. That a reader does well on them says nothing about real reports.

use super::course::{CourseKind, Latent};
use super::random::Random;
use std::fmt;

/// The first words of every report.
pub const MARK: &str = "SYNTHETIC REPORT.";

/// What a report says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Nothing.
    Unmentioned,
    /// That it is not there.
    Absent,
    /// That it may be there.
    Possible,
    /// That it is there.
    Present,
}

impl Statement {
    /// Probability that the finding is present, in structured reports; `None`: not mentioned.
    pub const fn probability(self) -> Option<f64> {
        match self {
            Self::Unmentioned => None,
            Self::Absent => Some(0.02),
            Self::Possible => Some(0.5),
            Self::Present => Some(0.97),
        }
    }
}

/// The findings that reports speak of: names of columns of imaging, in the order of [`Report::statements`].
pub const FINDINGS: [&str; 6] = [
    "consolidation",
    "pleural_effusion",
    "pulmonary_edema",
    "cardiomegaly",
    "atelectasis",
    "pneumothorax",
];

/// One report. Its text is made when it is displayed, so that a ward need not keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it says of each of [`FINDINGS`], addendum included.
    pub statements: [Statement; FINDINGS.len()],
    /// Which finding only the addendum has; `None`: no addendum.
    pub addendum: Option<u8>,
    /// Which wordings.
    wording: u32,
}

/// Present, possible, absent; `{side}` is left or right, lower case.
const WORDINGS: [[[&str; 2]; 3]; FINDINGS.len()] = [
    [
        [
            "Consolidation in the {side} lower lobe with air bronchograms.",
            "Dense {side} basal consolidation.",
        ],
        [
            "Possible consolidation at the {side} base.",
            "Early {side} lower lobe consolidation cannot be excluded.",
        ],
        ["No consolidation.", "There is no focal consolidation."],
    ],
    [
        ["Moderate {side} pleural effusion.", "There is a {side} pleural effusion."],
        ["Possible small {side} pleural effusion.", "A small {side} pleural effusion is possible."],
        ["No pleural effusion.", "There is no evidence of pleural effusion."],
    ],
    [
        ["Pulmonary edema is present.", "There is interstitial pulmonary edema."],
        ["Possible mild pulmonary edema.", "Mild pulmonary edema cannot be excluded."],
        ["No pulmonary edema.", "There is no pulmonary edema."],
    ],
    [
        ["Cardiomegaly.", "There is cardiomegaly."],
        ["Possible cardiomegaly.", "Cardiomegaly cannot be excluded on this view."],
        ["No cardiomegaly.", "There is no cardiomegaly."],
    ],
    [
        ["Atelectasis at the {side} base.", "There is {side} basal atelectasis."],
        ["Possible {side} basal atelectasis.", "{side} basal atelectasis is possible."],
        ["No atelectasis.", "There is no atelectasis."],
    ],
    [
        ["There is a {side} pneumothorax.", "Small {side} apical pneumothorax."],
        ["Possible small {side} pneumothorax.", "A {side} pneumothorax cannot be excluded."],
        ["No pneumothorax.", "There is no evidence of pneumothorax."],
    ],
];

const INDICATIONS: [&str; 4] = [
    "Shortness of breath. Rule out pneumonia.",
    "Fever. Question of consolidation.",
    "Desaturation. Rule out pneumothorax.",
    "Chest pain. Pulmonary edema?",
];
const HISTORIES: [&str; 4] = [
    "Pneumonia last year, treated.",
    "Known heart failure with previous pulmonary edema.",
    "Status post right pleural effusion two years ago.",
    "None.",
];

impl Report {
    /// What a radiologist would see of a patient: likelier and surer the sicker.
    pub(super) fn draw(random: &mut Random, latent: Latent) -> Self {
        let severity = latent.severity;
        let [consolidation, effusion, edema, heart, atelectasis, air] = match latent.course {
            CourseKind::Stable | CourseKind::Improving => [0.3, 0.2, 0.1, 0.2, 0.3, 0.02],
            CourseKind::Septic => [1.0, 0.6, 0.2, 0.1, 0.4, 0.02],
            CourseKind::Respiratory => [1.1, 0.6, 0.1, 0.1, 0.5, 0.08],
            CourseKind::Cardiac => [0.1, 0.9, 1.2, 1.0, 0.3, 0.02],
        };
        let weights = [consolidation, effusion, edema, heart, atelectasis, air];
        let statements = weights.map(|weight| {
            let draw = random.unit();
            match weight * severity {
                likely if draw < 0.75 * likely => Statement::Present,
                likely if draw < likely => Statement::Possible,
                _ if random.chance(0.6) => Statement::Absent,
                _ => Statement::Unmentioned,
            }
        });
        Self { statements, addendum: None, wording: random.bits() as u32 }
    }

    /// With an addendum that reports one finding more; the same report where nothing is left to add.
    pub(super) fn with_addendum(mut self) -> Self {
        let missed = self.statements.iter().position(|s| *s != Statement::Present);
        if let Some(missed) = missed {
            self.statements[missed] = Statement::Present;
            self.addendum = Some(missed as u8);
        }
        self
    }

    /// True where it reports no finding, certain or possible.
    pub fn is_clear(&self) -> bool {
        !self.statements.iter().any(|s| matches!(s, Statement::Present | Statement::Possible))
    }

    fn sentence(&self, f: &mut fmt::Formatter<'_>, finding: usize, said: Statement) -> fmt::Result {
        let row = match said {
            Statement::Present => 0,
            Statement::Possible => 1,
            Statement::Absent => 2,
            Statement::Unmentioned => return Ok(()),
        };
        let bits = self.wording >> (8 + 2 * finding);
        let wording = WORDINGS[finding][row][bits as usize & 1];
        let side = if bits & 2 == 0 { "left" } else { "right" };
        write!(f, " {}", wording.replace("{side}", side))
    }

    /// What the body of the report says: what only the addendum has was not seen.
    fn body(&self, finding: usize) -> Statement {
        match self.addendum {
            Some(added) if usize::from(added) == finding => Statement::Unmentioned,
            _ => self.statements[finding],
        }
    }
}

/// The text.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pick =
            |choices: &[&'static str; 4], shift: u32| choices[(self.wording >> shift) as usize & 3];
        writeln!(f, "{MARK}\nEXAMINATION: Portable chest radiograph.")?;
        writeln!(f, "INDICATION: {}", pick(&INDICATIONS, 0))?;
        writeln!(f, "HISTORY: {}", pick(&HISTORIES, 2))?;
        writeln!(f, "COMPARISON: None available.")?;
        write!(f, "FINDINGS: Single portable view.")?;
        for finding in 0..FINDINGS.len() {
            self.sentence(f, finding, self.body(finding))?;
        }
        write!(f, "\nIMPRESSION:")?;
        let mut is_clear = true;
        for finding in 0..FINDINGS.len() {
            let said = self.body(finding);
            if matches!(said, Statement::Present | Statement::Possible) {
                is_clear = false;
                self.sentence(f, finding, said)?;
            }
        }
        if is_clear {
            write!(f, " No acute cardiopulmonary abnormality.")?;
        }
        if let Some(added) = self.addendum {
            write!(f, "\nADDENDUM: On review of the images:")?;
            self.sentence(f, usize::from(added), Statement::Present)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_that_it_is_made_up_and_states_what_it_should() {
        let latent = Latent { course: CourseKind::Respiratory, severity: 0.9 };
        let mut said = [0; 3];
        for number in 0..200 {
            let report = Report::draw(&mut Random::new(5, number), latent);
            let text = report.to_string();
            assert!(
                text.starts_with(MARK) && text.is_ascii() && !text.contains("{side}"),
                "{text}"
            );
            let impression = text.split("IMPRESSION:").nth(1).expect("every report has one");
            for (i, statement) in report.statements.into_iter().enumerate() {
                let word = FINDINGS[i].replace('_', " ");
                let reported = matches!(statement, Statement::Present | Statement::Possible);
                assert_eq!(impression.to_lowercase().contains(&word), reported, "{text}");
                said[usize::from(reported) + usize::from(statement == Statement::Possible)] += 1;
            }
        }
        assert!(said.iter().all(|n| *n > 50), "{said:?}");
    }

    #[test]
    fn an_addendum_adds_a_finding_that_the_body_does_not_have() {
        let latent = Latent { course: CourseKind::Stable, severity: 0.1 };
        let report = Report::draw(&mut Random::new(5, 1), latent).with_addendum();
        let text = report.to_string();
        let (body, addendum) = text.split_once("ADDENDUM:").expect("it has one");
        let findings = body.split("FINDINGS:").nth(1).expect("it has findings").to_lowercase();
        let word = FINDINGS[usize::from(report.addendum.expect("added"))].replace('_', " ");
        assert!(addendum.to_lowercase().contains(&word) && !findings.contains(&word), "{text}");
    }
}
