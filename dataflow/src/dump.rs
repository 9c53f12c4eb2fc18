//! The state of a job as text, one fact a line, to see in what two states differ that should be equal.

use crate::names::{object_name, survey_name};
use skydiff_operators::{Answer, Objects};
use skydiff_schemas::{Measurement, MicroDays};

/// Every standing measurement and every answer: `survey:object`, a tab, what the line is of, a tab, and JSON. What the
/// digest does not see (times of receipt) is not here either.
pub fn lines(objects: &mut Objects) -> Vec<String> {
    let mut lines = Vec::new();
    objects.for_each(|measurements, answer| {
        let name = format!("{}:{}", survey_name(answer.object.survey), object_name(answer.object));
        lines.extend(measurements.iter().map(|measurement| format!("{name}\tmeasurement\t{}", measured(measurement))));
        lines.push(format!("{name}\tanswer\t{}", answered(answer)));
    });
    lines
}

fn measured(measurement: &Measurement) -> String {
    serde_json::to_string(measurement).unwrap_or_else(|_| format!("{measurement:?}"))
}

fn answered(answer: &Answer) -> String {
    let mut answer = answer.clone();
    if let Some(trigger) = &mut answer.trigger {
        trigger.context.received = MicroDays(0);
    }
    serde_json::to_string(&answer).unwrap_or_else(|_| format!("{answer:?}"))
}
