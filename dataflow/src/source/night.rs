//! Nights, and the dates that people write them as.
//!
//! A file of packets carries no time of receipt, but its name may: `ztf_public_20180601.tar.gz`. What a survey sent in that
//! night was received when it was over, so replaying the file a year later says what the live system would have said.

use serde::{Deserialize, Serialize};
use skydiff_schemas::MicroDays;
use std::path::Path;

/// A night by the date that a file's name gives it: the MJD of that date's midnight (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Night(pub i32);

/// MJD of 1970-01-01.
const UNIX_EPOCH: i64 = 40587;

impl Night {
    /// The night that a file or folder is named after: the first run of exactly eight digits that is a date
    /// (`YYYYMMDD`, 1990 to 2099).
    pub fn of_name(path: &Path) -> Option<Night> {
        let name = path.file_name()?.to_str()?;
        name.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 8).find_map(|run| {
            let (year, month, day) = (run[..4].parse().ok()?, run[4..6].parse().ok()?, run[6..].parse().ok()?);
            let mjd = mjd(year, month, day).filter(|_| (1990..2100).contains(&year))?;
            i32::try_from(mjd).ok().map(Night)
        })
    }

    /// The night in which something was received (MJD UTC); midnight ends a night.
    pub fn of_receipt(received: MicroDays) -> Option<Night> {
        i32::try_from((received.0 - 1).div_euclid(MicroDays::DAY.0)).ok().map(Night)
    }

    /// When what was observed in that night had been received, MJD UTC: the end of the date (24 h UTC).
    ///
    /// ZTF dates its files by UTC, so nothing in them is later; a survey that dates them by the evening, as far as eight
    /// hours west of Greenwich, is still within the day that a packet may be ahead of its receipt.
    pub fn received(self) -> MicroDays {
        MicroDays((i64::from(self.0) + 1) * MicroDays::DAY.0)
    }
}

impl std::fmt::Display for Night {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = date(i64::from(self.0));
        write!(f, "{year:04}{month:02}{day:02}")
    }
}

/// The night of an instant (MJD UTC): floor(MJD − 0.5), from noon to noon.
pub fn night_of(utc: MicroDays) -> i64 {
    (utc.0 - MicroDays::DAY.0 / 2).div_euclid(MicroDays::DAY.0)
}

/// A time as a person writes it, as MJD UTC: an MJD (`60000.5`), a date (`2026-03-09`, its begin), or a date and time
/// (`2026-03-09T04:05:06Z`). The error says what is expected.
pub fn parse_time(text: &str) -> Result<MicroDays, String> {
    let wrong =
        || format!("`{text}` is no time: write an MJD (60000.5) or a UTC date (2026-03-09 or 2026-03-09T04:05:06Z)");
    if let Ok(days) = text.parse::<f64>() {
        return MicroDays::from_days(days).filter(|_| (0.0..200_000.0).contains(&days)).ok_or_else(wrong);
    }
    let (date, time) = text.trim_end_matches('Z').split_once(['T', ' ']).unwrap_or((text, "0:0"));
    let numbers =
        |text: &str, by: char| text.split(by).map(|part| part.parse::<f64>().ok()).collect::<Option<Vec<_>>>();
    let midnight = match numbers(date, '-').as_deref() {
        Some(&[year, month, day]) => mjd(year as i64, month as i64, day as i64).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let seconds = match numbers(time, ':').as_deref() {
        Some(&[h, m]) => h * 3600.0 + m * 60.0,
        Some(&[h, m, s]) => h * 3600.0 + m * 60.0 + s,
        _ => return Err(wrong()),
    };
    let within = (0.0..=86_400.0).contains(&seconds);
    MicroDays::from_days(midnight as f64 + seconds / 86_400.0).filter(|_| within).ok_or_else(wrong)
}

/// The wall clock, as MJD UTC.
pub fn now() -> MicroDays {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    MicroDays(UNIX_EPOCH * MicroDays::DAY.0 + (since.as_secs_f64() / 0.0864) as i64)
}

/// MJD of a civil date (Gregorian); `None` if there is none such. Counted from 1 March, so that the leap day is a year's last.
fn mjd(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1858..=9999).contains(&year) {
        return None;
    }
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let mjd = days - 678_881;
    (date(mjd) == (year, month, day)).then_some(mjd)
}

/// The civil date (year, month, day) of an MJD.
fn date(mjd: i64) -> (i64, i64, i64) {
    let days = mjd + 678_881;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let (month, next) = if m < 10 { (m + 3, 0) } else { (m - 9, 1) };
    (year + era * 400 + next, month, of_year - (153 * m + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for (days, civil) in [(0, (1858, 11, 17)), (40587, (1970, 1, 1)), (51544, (2000, 1, 1)), (58270, (2018, 6, 1))]
        {
            assert_eq!(date(days), civil);
            assert_eq!(mjd(civil.0, civil.1, civil.2), Some(days));
        }
        assert!((0..100_000).all(|day| {
            let (y, m, d) = date(day);
            mjd(y, m, d) == Some(day)
        }));
        assert_eq!((mjd(2023, 2, 29), mjd(2024, 13, 1), mjd(2024, 2, 29)), (None, None, Some(60369)));
    }

    #[test]
    fn a_name_names_a_night_only_with_a_date() {
        let night = |name: &str| Night::of_name(Path::new(name)).map(|night| night.to_string());
        assert_eq!(night("/data/ztf_public_20180601.tar.gz").as_deref(), Some("20180601"));
        assert_eq!(night("20260309").as_deref(), Some("20260309"));
        assert_eq!(night("/20180601/alerts"), None);
        for none in ["ztf_public_20181301.tar", "1234567890123456789.avro", "99999999.avro", "ztf_2018060.tar"] {
            assert_eq!(night(none), None, "{none}");
        }
    }

    #[test]
    fn a_night_is_received_when_its_date_is_over() {
        let night = Night::of_name(Path::new("ztf_public_20180601.tar.gz")).unwrap();
        assert_eq!(night.received(), MicroDays(58_271_000_000));
        assert_eq!((night_of(MicroDays(58_270_499_999)), night_of(MicroDays(58_270_500_000))), (58_269, 58_270));
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, micro) in [
            ("60000.5", 60_000_500_000),
            ("2023-02-25", 60_000_000_000),
            ("2023-02-25T12:00:00Z", 60_000_500_000),
            ("2023-02-25 06:00", 60_000_250_000),
        ] {
            assert_eq!(parse_time(text), Ok(MicroDays(micro)), "{text}");
        }
        for wrong in ["", "yesterday", "2023-02-30", "2023-02-25T25:00", "-5", "1e9", "nan", "2023-02-25Tx"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        assert!(now() > parse_time("2025-01-01").unwrap());
    }
}
