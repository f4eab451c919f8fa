//! The advice in words.

use super::{Advice, Line, Verdict};
use std::fmt::Write;

impl Advice {
    /// A table of the modalities and a verdict, each with its figures.
    pub fn text(&self) -> String {
        let [records, patients] = self.counted;
        let mut out = format!(
            "{patients} patients counted over {records} window ends of partitions, held against {} ({} stays, {} deaths):\n\
             {} less {} in points of AUROC (95 % interval), with so many patients lacking the modality\n\n",
            self.data_set, self.stays[0], self.stays[1], self.late, self.rival
        );
        let _ = writeln!(
            out,
            "{:10} {:>8}  {:26} {:>14} {:>14}",
            "modality", "missing", "late ahead by", "ahead from", "certain from"
        );
        for line in &self.lines {
            let _ = writeln!(out, "{}", self.row(line));
        }
        let _ = write!(out, "\n{}", self.verdict());
        out
    }

    fn row(&self, line: &Line) -> String {
        let percent =
            |share: Option<&f64>| share.map_or("-".to_owned(), |s| format!("{:.0} %", s * 100.0));
        let ahead = line.ahead_of.get(&self.rival).map_or("not measured".to_owned(), |a| {
            let [value, low, high] = [a.value, a.lower, a.upper].map(|v| v * 100.0);
            format!("{value:+.2} ({low:+.2} to {high:+.2})")
        });
        format!(
            "{:10} {:>6.1} %  {:26} {:>14} {:>14}",
            line.target,
            line.missing * 100.0,
            ahead,
            percent(line.crosses_at.get(&self.rival)),
            percent(line.certain_from.get(&self.rival))
        )
    }

    fn verdict(&self) -> String {
        let Self { late, rival, .. } = self;
        match self.verdict {
            None => "Nothing to go by: no patient was counted, or the evaluation knows none of these modalities.".to_owned(),
            Some(Verdict::Late) => format!(
                "Use late fusion ({late}): with data as incomplete as these it ranks patients better than the best early model ({rival})."
            ),
            Some(Verdict::Early) => format!(
                "With data as complete as these an early model trained with modalities dropped ({rival}) ranks patients better, if one model for everything \
                 can be trained, validated and replaced as a whole; late fusion ({late}) loses the points above and keeps each modality's model replaceable alone."
            ),
            Some(Verdict::NoDifference) => format!(
                "What was measured does not tell {late} and {rival} apart on data like these. Late fusion costs nothing that can be seen: use it, \
                 since each modality's model can be trained, calibrated and replaced alone. Never use an early model that was not trained with modalities dropped."
            ),
        }
    }
}
