//! A whole history at once: sorted where inserting row by row would search, and each visit decided once.

use super::{LightCurve, Sighting, limit, order};
use crate::curve::visit::{Visit, choose};
use skydiff_schemas::{Band, Kind, Measurement, Quality};

impl LightCurve {
    /// Takes the rows of a history, in their order, into a light curve without any: what inserting each of them comes to.
    pub fn fill<'a>(&mut self, history: impl Iterator<Item = &'a Measurement>) {
        let mut good = Vec::with_capacity(history.size_hint().0);
        for row in history {
            if row.kind == Kind::Source && !row.quality.has(Quality::WITHDRAWN) {
                self.sight(row);
            }
            if row.quality.is_good() {
                good.push(*row);
            }
        }
        good.sort_unstable_by_key(|row| (row.band, order(row)));
        let mut visits: Vec<((Band, u32), Visit)> = Vec::with_capacity(good.len());
        for rows in good.chunk_by(|a, b| (a.band, a.visit) == (b.band, b.visit)) {
            self.detections += u32::from(rows[0].kind == Kind::Source);
            match choose(rows, self.photometry) {
                Some(row) if row.kind == Kind::Limit => self.limits.or_default(row.band).push(limit(row)),
                Some(row) => visits.push(((row.band, row.reference), Visit::new(row, &self.believed))),
                None => (),
            }
        }
        self.limits.iter_mut().for_each(|(_, limits)| limits.sort_unstable());
        visits.sort_unstable_by_key(|(series, visit)| (*series, visit.place()));
        for of_series in visits.chunk_by(|a, b| a.0 == b.0) {
            self.series.or_default(of_series[0].0).fill(of_series.iter().map(|(_, visit)| *visit), self.slot);
        }
        for rows in good.chunk_by(|a, b| a.band == b.band) {
            *self.rows.or_default(rows[0].band) = rows.to_vec();
        }
    }

    /// A source that is newer than all before it, or as new.
    fn sight(&mut self, row: &Measurement) {
        let good = row.quality.is_good().then(|| (row.flux, self.believed.sigma(row.flux, row.sigma, row.total())));
        let before = self.sightings.iter().rev().find(|known| known.time < row.time);
        let silent = before.is_some_and(|before| row.time - before.time >= self.silence);
        if silent && self.returns.last() != Some(&row.time) {
            self.returns.push(row.time);
        }
        self.sightings.push(Sighting { time: row.time, id: row.id, position: row.position, good });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{Believed, Reading};
    use crate::{Errors, Photometry};
    use proptest::prelude::*;
    use skydiff_schemas::{MicroDays, PicoJansky, Position, SourceId};

    fn rows() -> impl Strategy<Value = Vec<Measurement>> {
        let row = (0i64..40, 0u64..6, 0u8..3, 0u8..2, 0u32..3, -50i64..50, prop_oneof![4 => Just(0u16), 1 => 0u16..4]);
        prop::collection::vec(row, 0..60).prop_map(|rows| {
            let row = |(id, (time, visit, kind, band, reference, flux, quality)): (usize, _)| Measurement {
                time: MicroDays(time),
                id: SourceId(id as u64 % 50),
                visit,
                flux: PicoJansky(flux),
                sigma: PicoJansky(5),
                total: if flux % 3 == 0 { Measurement::NO_TOTAL } else { PicoJansky(flux + 100) },
                position: if flux % 5 == 0 { Position::UNKNOWN } else { Position(id as u64) },
                reference: if kind == 2 && reference == 2 { Measurement::ANY_REFERENCE } else { reference },
                quality: Quality(quality),
                kind: [Kind::Source, Kind::Forced, Kind::Limit][usize::from(kind)],
                band: Band(band),
            };
            let mut rows: Vec<Measurement> = rows.into_iter().enumerate().map(row).collect();
            rows.sort_unstable_by_key(|row| (row.kind, row.id));
            rows.dedup_by_key(|row| (row.kind, row.id));
            rows
        })
    }

    /// All that can be asked of a light curve.
    fn seen(curve: &mut LightCurve) -> String {
        let bounds: Vec<MicroDays> = (-2..42).rev().step_by(5).map(MicroDays).collect();
        let (mut out, mut readings) = (String::new(), Vec::<Reading>::new());
        for (band, reference, series) in curve.series() {
            series.read(MicroDays(35), &bounds, 7, &mut readings);
            out += &format!("{band:?} {reference} {readings:?}\n");
        }
        for visits in 0..3 {
            out += &format!("{:?}\n", curve.reappeared(visits));
        }
        for time in 0..42 {
            out += &format!(
                "{:?} {:?}\n",
                curve.non_detection(MicroDays(time)),
                curve.newest_before(MicroDays(time), None)
            );
            let limits: Vec<_> = curve.limits(Band(1), 1, MicroDays(3), MicroDays(time)).collect();
            out += &format!("{limits:?}\n");
        }
        out + &format!("{:?} {:?} {:?} {}", curve.position(), curve.newest(), curve.oldest(), curve.detections())
    }

    proptest! {
        #[test]
        fn is_what_inserting_comes_to(mut rows in rows(), gone in 0usize..60, silence in 0i64..9) {
            let believed = || Believed::new(Errors { factor: 1.5, floor: 0.02 });
            let empty = || LightCurve::new(believed(), Photometry::SourceFirst, 7, MicroDays(silence));
            let (mut inserted, mut filled) = (empty(), empty());
            rows.iter().for_each(|row| inserted.insert(row));
            rows.sort_unstable();
            filled.fill(rows.iter());
            prop_assert_eq!(seen(&mut filled), seen(&mut inserted));
            // It can be changed like any other.
            if let Some(row) = rows.get(gone) {
                filled.remove(row);
                inserted.remove(row);
                prop_assert_eq!(seen(&mut filled), seen(&mut inserted));
            }
        }
    }
}
