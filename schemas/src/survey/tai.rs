//! UTC and TAI, because ZTF dates its exposures in UTC and everything here is TAI.
//!
//! The table is TAI − UTC as IERS Bulletin C announced it, one line a leap second. A new leap second is a new line: the
//! last one holds until then.

use crate::MicroDays;

/// Seconds in a microday.
const MICRODAY_SECONDS: f64 = 0.0864;

/// First MJD (UTC, 0 h) and TAI − UTC in seconds from then on. Before 1972 UTC was steered otherwise; no survey reaches there.
const LEAP_SECONDS: [(i64, i64); 28] = [
    (41317, 10), // 1972-01-01
    (41499, 11), // 1972-07-01
    (41683, 12), // 1973-01-01
    (42048, 13), // 1974-01-01
    (42413, 14), // 1975-01-01
    (42778, 15), // 1976-01-01
    (43144, 16), // 1977-01-01
    (43509, 17), // 1978-01-01
    (43874, 18), // 1979-01-01
    (44239, 19), // 1980-01-01
    (44786, 20), // 1981-07-01
    (45151, 21), // 1982-07-01
    (45516, 22), // 1983-07-01
    (46247, 23), // 1985-07-01
    (47161, 24), // 1988-01-01
    (47892, 25), // 1990-01-01
    (48257, 26), // 1991-01-01
    (48804, 27), // 1992-07-01
    (49169, 28), // 1993-07-01
    (49534, 29), // 1994-07-01
    (50083, 30), // 1996-01-01
    (50630, 31), // 1997-07-01
    (51179, 32), // 1999-01-01
    (53736, 33), // 2006-01-01
    (54832, 34), // 2009-01-01
    (56109, 35), // 2012-07-01
    (57204, 36), // 2015-07-01
    (57754, 37), // 2017-01-01
];

/// A length of time in microdays, to the nearest.
fn microdays(seconds: f64) -> MicroDays {
    MicroDays((seconds / MICRODAY_SECONDS).round() as i64)
}

/// TAI − UTC at the last line of the table for which `begun` holds; that of 1972 before the first.
fn offset(begun: impl Fn(MicroDays, MicroDays) -> bool) -> i64 {
    let lines = LEAP_SECONDS.iter().rev();
    let mut lines = lines.filter(|(day, seconds)| begun(MicroDays(day * 1_000_000), microdays(*seconds as f64)));
    lines.next().map_or(LEAP_SECONDS[0].1, |(_, seconds)| *seconds)
}

/// The TAI instant `seconds` after `utc` (MJD UTC).
///
/// Both lengths are added before they are rounded, so that what is at most half a microday off stays so.
pub fn after_utc(utc: MicroDays, seconds: f64) -> MicroDays {
    utc + microdays(offset(|begins, _| begins <= utc) as f64 + seconds)
}

/// MJD TAI of an MJD UTC.
pub fn from_utc(utc: MicroDays) -> MicroDays {
    after_utc(utc, 0.0)
}

/// MJD UTC of an MJD TAI. Within a leap second, which MJD UTC cannot write, the next second.
pub fn to_utc(tai: MicroDays) -> MicroDays {
    tai - microdays(offset(|begins, ahead| begins + ahead <= tai) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 1_000_000;

    /// 37 s are 428.24 microdays, 36 s are 416.67.
    #[test]
    fn the_leap_second_of_2017_begins_at_midnight() {
        assert_eq!(from_utc(MicroDays(57754 * DAY - 1)), MicroDays(57754 * DAY - 1 + 417));
        assert_eq!(from_utc(MicroDays(57754 * DAY)), MicroDays(57754 * DAY + 428));
        assert_eq!(from_utc(MicroDays(60000 * DAY)), MicroDays(60000 * DAY + 428));
    }

    /// 10 s are 115.74 microdays, 11 s 127.31.
    #[test]
    fn history_goes_back_to_1972() {
        assert_eq!(from_utc(MicroDays(41317 * DAY)), MicroDays(41317 * DAY + 116));
        assert_eq!(from_utc(MicroDays(41499 * DAY - 1)), MicroDays(41499 * DAY + 115));
        assert_eq!(from_utc(MicroDays(41499 * DAY)), MicroDays(41499 * DAY + 127));
        assert_eq!(from_utc(MicroDays(0)), MicroDays(116));
    }

    #[test]
    fn there_and_back() {
        for (day, _) in LEAP_SECONDS {
            for utc in [day * DAY - 12, day * DAY, day * DAY + 1, day * DAY + 500_000] {
                assert_eq!(to_utc(from_utc(MicroDays(utc))), MicroDays(utc), "MJD {utc}e-6");
            }
        }
    }

    /// 37 + 22.5 s are 688.66 microdays; apart they are 428.24 and 260.42, which round to 688.
    #[test]
    fn lengths_are_added_before_they_are_rounded() {
        assert_eq!(after_utc(MicroDays(60000 * DAY), 22.5), MicroDays(60000 * DAY + 689));
        assert_eq!(after_utc(MicroDays(60000 * DAY), 15.0), MicroDays(60000 * DAY + 602));
    }

    #[test]
    fn the_table_rises_by_one_second_each() {
        assert!(LEAP_SECONDS.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 + 1 == pair[1].1));
    }
}
