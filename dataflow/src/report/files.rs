//! The report for machines. CSV in long form: one count a line, with what it counts before it.

use super::Report;
use crate::counts::{SurveyCounts, sum};
use crate::highlights::{Highlight, List};
use crate::names::survey_name;
use serde_json::{Map, Value as Json, json};
use skydiff_operators::State;

/// Objects of each list in the files.
const LISTED: usize = 100;

impl Report<'_> {
    /// The whole report as one JSON object.
    pub fn json(&self) -> Json {
        let counts = self.counts;
        let all = counts.all();
        let mut surveys = Map::new();
        for (survey, of_survey) in &counts.surveys {
            let counted =
                |lines: &[Line]| lines.iter().map(|line| (line.key(), json!(line.count))).collect::<Map<_, _>>();
            surveys.insert(survey_name(*survey), Json::Object(counted(&lines(of_survey))));
        }
        let mut highlights = Map::new();
        for list in List::ALL {
            let (first, certain) = self.highlights.first(list, LISTED);
            highlights.insert(list.name().into(), json!({"complete": certain, "objects": first}));
        }
        json!({
            "title": self.title,
            "adds_up": counts.check().is_ok(),
            "does_not_add_up": counts.check().err(),
            "packets": {"received": counts.received, "accepted": all.accepted, "rejected": counts.rejected},
            "surveys": surveys,
            "written": counts.written,
            "records_per_alert": per_alert(&all),
            "states": self.states().map(|(survey, timescale, state, count)| {
                json!({"survey": survey, "timescale": timescale, "state": state, "objects": count})
            }).collect::<Vec<_>>(),
            "highlights": highlights,
        })
    }

    /// `survey,what,detail,count`: every number of the reconciliation; `survey` is empty for what has none.
    pub fn reconciliation_csv(&self) -> String {
        let mut text = "survey,what,detail,count\n".to_owned();
        let mut line = |survey: &str, what: &str, detail: &str, count: i64| {
            text += &csv(&[survey, what, detail, &count.to_string()]);
        };
        line("", "packets received", "", self.counts.received);
        self.counts.rejected.iter().for_each(|(reason, count)| line("", "packets rejected", reason, *count));
        for (survey, counts) in &self.counts.surveys {
            let survey = survey_name(*survey);
            lines(counts).iter().for_each(|of| line(&survey, of.what, &of.detail, of.count));
        }
        self.counts.written.iter().for_each(|(sink, count)| line("", "records written", sink, *count));
        text
    }

    /// `survey,timescale_d,state,objects`: objects in each state that is alive; `inf` is all of history.
    pub fn states_csv(&self) -> String {
        let lines = self.states().map(|(survey, timescale, state, count)| {
            let timescale = timescale.map_or("inf".to_owned(), |days| days.to_string());
            csv(&[&survey, &timescale, state, &count.to_string()])
        });
        "survey,timescale_d,state,objects\n".to_owned() + &lines.collect::<String>()
    }

    /// `list,rank,survey,object,…`: the first objects of each list.
    pub fn highlights_csv(&self) -> String {
        let mut text = "list,rank,survey,object,z,timescale_d,newest_mjd_tai,ra_deg,dec_deg,band,magnitude,flux_njy,\
                        slope_njy_per_d,real_bogus\n"
            .to_owned();
        for list in List::ALL {
            for (at, highlight) in self.highlights.first(list, LISTED).0.into_iter().enumerate() {
                text += &highlight_line(list, at + 1, highlight);
            }
        }
        text
    }

    /// Survey, timescale, state, objects: all that are not 0.
    fn states(&self) -> impl Iterator<Item = (String, Option<f64>, &'static str, i64)> {
        self.counts.surveys.iter().flat_map(|(survey, counts)| {
            counts.alive.iter().map(|((timescale, state), count)| {
                let days = self.timescales.get(usize::from(*timescale)).copied();
                let state = State::ALL.get(usize::from(*state)).map_or("unknown", |state| state.name());
                (survey_name(*survey), days.filter(|days| days.is_finite()), state, *count)
            })
        })
    }
}

/// Records per accepted alert; none without alerts.
pub(super) fn per_alert(counts: &SurveyCounts) -> Option<f64> {
    (counts.accepted > 0).then(|| counts.told() as f64 / counts.accepted as f64)
}

/// A number of the reconciliation.
pub(super) struct Line {
    pub what: &'static str,
    pub detail: String,
    pub count: i64,
}

impl Line {
    fn key(&self) -> String {
        let key = format!("{} {}", self.what, self.detail);
        key.trim_end().replace(' ', "_")
    }
}

/// Every number of a survey's reconciliation, from packets to records.
pub(super) fn lines(counts: &SurveyCounts) -> Vec<Line> {
    let line = |what, count| Line { what, detail: String::new(), count };
    let by = |what, counts: &std::collections::BTreeMap<String, i64>| -> Vec<Line> {
        counts.iter().map(|(detail, count)| Line { what, detail: detail.clone(), count: *count }).collect()
    };
    let mut lines = vec![
        line("packets accepted", counts.accepted),
        line("packets repeated", counts.repeated),
        line("rows read", counts.rows_read),
    ];
    lines.extend(by("rows rejected", &counts.rows_rejected));
    lines.extend([
        line("rows known", counts.known),
        line("rows new", counts.new),
        line("rows superseded", counts.superseded),
        line("rows confirmed", counts.confirmed),
        line("rows withdrawn", counts.withdrawn),
        line("measurements before", counts.measurements_before),
        line("measurements", counts.measurements),
        line("measurements moved", counts.moved),
    ]);
    lines.extend(by("measurements bad", &counts.bad));
    lines.extend([
        line("objects", counts.objects),
        line("changes", counts.changes),
        line("changes silent", counts.silent),
        line("records", sum(&counts.records)),
    ]);
    let records = counts.records.iter().map(|((kind, reason), count)| Line {
        what: "records",
        detail: format!("{} {}", kind.name(), reason.name()),
        count: *count,
    });
    lines.extend(records);
    lines
}

fn highlight_line(list: List, rank: usize, highlight: &Highlight) -> String {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    csv(&[
        list.name(),
        &rank.to_string(),
        &highlight.survey,
        &highlight.object,
        &highlight.z.to_string(),
        &highlight.timescale.map_or("inf".into(), |days| days.to_string()),
        &number(highlight.mjd_tai),
        &number(highlight.ra),
        &number(highlight.dec),
        highlight.band.as_deref().unwrap_or(""),
        &number(highlight.magnitude),
        &number(highlight.flux),
        &number(highlight.slope),
        &highlight.real_bogus.map_or(String::new(), |value| value.to_string()),
    ])
}

/// One line of CSV (RFC 4180, with a line feed).
fn csv(fields: &[&str]) -> String {
    let quoted = fields.iter().map(|field| {
        let plain = !field.contains([',', '"', '\n', '\r']);
        if plain { (*field).to_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
