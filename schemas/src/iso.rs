//! Instants as people and their tools write them: ISO 8601, UTC.

use crate::MicroDays;

/// MJD 0, 1858-11-17, in days of the proleptic Gregorian calendar since 0000-03-01.
const MJD_ZERO: i64 = 678_881;

/// An MJD (UTC, in microdays) as `2026-03-09T04:12:33.456Z`, to the nearest millisecond. (A microday is 86.4 of them.)
pub fn iso_utc(utc: MicroDays) -> String {
    let milliseconds = (i128::from(utc.0) * 864 + 5).div_euclid(10);
    let (days, rest) = (milliseconds.div_euclid(86_400_000) as i64, milliseconds.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of an MJD. Counted from 1 March, so that the leap day ends a year; a Gregorian cycle is 146,097 days.
fn civil(mjd: i64) -> (i64, i64, i64) {
    let day = mjd + MJD_ZERO;
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let century = (day / 36_524).min(3);
    let day = day - 36_524 * century;
    let four = day / 1461;
    let day = day - 1461 * four;
    let year = (day / 365).min(3);
    let day = day - 365 * year;
    // Months from March have 31, 30, 31, 30, 31 days, and again: 153 in five.
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let year = 400 * cycle + 100 * century + 4 * four + year;
    if month < 10 { (year, month + 3, of_month) } else { (year + 1, month - 9, of_month) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        for (mjd, text) in [
            (0.0, "1858-11-17T00:00:00.000Z"),
            (40_587.0, "1970-01-01T00:00:00.000Z"),
            (51_544.5, "2000-01-01T12:00:00.000Z"),
            (51_603.0, "2000-02-29T00:00:00.000Z"),
            (51_604.0, "2000-03-01T00:00:00.000Z"),
            (60_369.25, "2024-02-29T06:00:00.000Z"),
            (61_108.175_382, "2026-03-09T04:12:33.005Z"),
            (88_127.0, "2100-02-28T00:00:00.000Z"),
            (88_128.0, "2100-03-01T00:00:00.000Z"),
            (-1.0, "1858-11-16T00:00:00.000Z"),
        ] {
            assert_eq!(iso_utc(MicroDays::from_days(mjd).unwrap()), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil(-400_000);
        for mjd in -399_999..400_000 {
            let (year, month, day) = civil(mjd);
            let (y, m, d) = last;
            let next_day = (year, month, day) == (y, m, d + 1);
            let next_month = day == 1 && d >= 28 && (year, month) == if m == 12 { (y + 1, 1) } else { (y, m + 1) };
            assert!((next_day && day <= 31) || next_month, "{mjd}: {year}-{month}-{day} after {y}-{m}-{d}");
            last = (year, month, day);
        }
    }
}
