//! Round numbers and round dates for axes.

use skydiff_schemas::{MicroDays, iso_utc};

/// From one end of an axis to the other, in data and on the page. On the page either may be the greater.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Least and greatest value.
    pub range: (f64, f64),
    /// Where they are on the page.
    pub page: (f64, f64),
}

impl Scale {
    /// Where a value is.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.range.0) / (self.range.1 - self.range.0);
        self.page.0 + share * (self.page.1 - self.page.0)
    }

    /// Whether a value is on the axis.
    pub fn has(&self, value: f64) -> bool {
        (self.range.0..=self.range.1).contains(&value)
    }
}

/// Round values within the range, at most about `most` of them, and what is between two.
pub fn round(range: (f64, f64), most: usize) -> (Vec<f64>, f64) {
    let least = (range.1 - range.0) / most.max(1) as f64;
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((range.0 / step).ceil() as i64, (range.1 / step).floor() as i64);
    ((first..=last).map(|at| at as f64 * step).collect(), step)
}

/// Digits behind the point that tell such values apart.
pub fn digits(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 9.0) as usize
}

/// Round dates within a range of MJDs with their names, at most about `most` of them. (An axis cannot show the 37 s
/// between TAI and UTC.)
pub fn dates(range: (f64, f64), most: usize) -> Vec<(f64, String)> {
    let least = (range.1 - range.0) / most.max(1) as f64;
    let name = |mjd: f64| iso_utc(MicroDays((mjd * 1e6).round() as i64));
    if let Some(hours) = [1.0, 2.0, 3.0, 6.0, 12.0].into_iter().find(|hours| hours / 24.0 >= least) {
        let (first, last) = ((range.0 * 24.0 / hours).ceil() as i64, (range.1 * 24.0 / hours).floor() as i64);
        let hour = |at: i64| {
            let mjd = at as f64 * hours / 24.0;
            // A microday is no whole part of an hour: half a minute more, and the minute is right.
            (mjd, name(mjd + 0.5 / 1440.0).get(5..16).unwrap_or_default().replace('T', " "))
        };
        return (first..=last).map(hour).collect();
    }
    if let Some(days) = [1, 2, 5, 10].into_iter().find(|days| f64::from(*days) >= least) {
        let (first, last) = (range.0.ceil() as i64, range.1.floor() as i64);
        let whole = (first..=last).filter(|day| day % i64::from(days) == 0).map(|day| day as f64);
        return whole.map(|mjd| (mjd, name(mjd).get(..10).unwrap_or_default().to_owned())).collect();
    }
    let months = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600].into_iter().find(|months| *months as f64 * 30.0 >= least);
    let months = months.unwrap_or(1200);
    let year = |mjd: f64| ((mjd - 51544.0) / 365.2425 + 2000.0).floor() as i64;
    let all = (12 * (year(range.0) - 1)..12 * (year(range.1) + 2)).filter(|month| month % months == 0);
    let begin = all.map(first_of_month).filter(|mjd| (range.0..=range.1).contains(mjd));
    let digits = if months < 12 { 7 } else { 4 };
    begin.map(|mjd| (mjd, name(mjd).get(..digits).unwrap_or_default().to_owned())).collect()
}

/// MJD of the first day of a month, counted from January of the year 0 (Fliegel & Van Flandern 1968).
fn first_of_month(month: i64) -> f64 {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let shift = (14 - month) / 12;
    let (years, months) = (year + 4800 - shift, month + 12 * shift - 3);
    let julian = 1 + (153 * months + 2) / 5 + 365 * years + years / 4 - years / 100 + years / 400 - 32045;
    (julian - 2_400_001) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_values_are_within_and_few() {
        let (values, step) = round((-0.31, 1.02), 6);
        assert_eq!(step, 0.5);
        assert_eq!(values, [0.0, 0.5, 1.0]);
        assert_eq!(round((58000.2, 59010.0), 8).0, [58200.0, 58400.0, 58600.0, 58800.0, 59000.0]);
        assert_eq!((digits(0.5), digits(0.02), digits(20.0)), (1, 2, 0));
    }

    #[test]
    fn dates_begin_months_and_days() {
        assert_eq!(first_of_month(12 * 1858 + 11), 14.0, "MJD 0 is 1858-11-17");
        assert_eq!(first_of_month(12 * 2000), 51544.0);
        let names = |range, most| dates(range, most).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names((58849.0, 58950.0), 5), ["2020-01", "2020-02", "2020-03", "2020-04"]);
        assert_eq!(names((58849.5, 58852.5), 5), ["2020-01-02", "2020-01-03", "2020-01-04"]);
        assert_eq!(names((58849.0, 58849.3), 4), ["01-01 00:00", "01-01 02:00", "01-01 04:00", "01-01 06:00"]);
        assert_eq!(names((58849.0, 60000.0), 5), ["2020", "2021", "2022", "2023"]);
    }
}
