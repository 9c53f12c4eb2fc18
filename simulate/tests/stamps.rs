//! Stamps show what their shots say: as bright as the source, on the field that is the place's own.

mod shots;

use shots::{Made, Survey, made};
use skydiff_schemas::Decoder;
use skydiff_schemas::decoder::Settings;
use skydiff_simulate::{Format, Reference, Writer};
use std::io::Read;

/// Science, template, difference: their first images, rows of pixels, and the file's header.
fn stamps(survey: Survey, made: &Made) -> [(Vec<f32>, Vec<u8>); 3] {
    let format = if survey == Survey::Ztf { Format::Ztf402 } else { Format::Lsst(1000) };
    let mut packet = Vec::new();
    Writer::new(format, true).unwrap().write(&made.shot(), &mut packet);
    let mut found = Vec::new();
    Decoder::new(&Settings::default())
        .unwrap()
        .cutouts(&packet, |_, cutouts| {
            for cutout in cutouts {
                let cutout = cutout.unwrap();
                let mut file = Vec::new();
                match cutout.is_gzip() {
                    true => drop(flate2::read::GzDecoder::new(cutout.bytes).read_to_end(&mut file).unwrap()),
                    false => file.extend_from_slice(cutout.bytes),
                }
                assert_eq!(file.len() % 2880, 0);
                let pixels = size(survey) * size(survey);
                let values = file[2880..].chunks(4).take(pixels).map(|b| f32::from_be_bytes(b.try_into().unwrap()));
                found.push((values.collect(), file[..2880].to_vec()));
            }
        })
        .unwrap();
    found.try_into().unwrap()
}

fn size(survey: Survey) -> usize {
    if survey == Survey::Ztf { 63 } else { 30 }
}

/// A shot of a good source.
fn good(survey: Survey, seed: u64) -> Made {
    let mut made = made(survey, seed, 1, 1);
    (made.trigger.bad, made.trigger.score) = (false, 0.9);
    made
}

fn sign(survey: Survey, made: &Made) -> f32 {
    // ZTF shows reference less science where that is positive.
    if survey == Survey::Ztf && made.trigger.flux < 0.0 { -1.0 } else { 1.0 }
}

#[test]
fn a_source_is_as_bright_as_it_was_measured() {
    for survey in [Survey::Ztf, Survey::Lsst] {
        let (mut pulls, count, size) = (Vec::new(), 100, size(survey));
        for seed in 0..count {
            let made = good(survey, seed);
            let visit = &made.trigger.visit;
            let [(science, _), (template, _), (difference, header)] = stamps(survey, &made);
            let sign = sign(survey, &made);
            for ((science, template), difference) in science.iter().zip(&template).zip(&difference) {
                assert!((science - template - sign * difference).abs() <= 1e-6 * science.abs() + 1e-3);
            }
            let (pixel, gain) = match survey {
                Survey::Ztf => (1.0, 10f64.powf((visit.zero_point - 31.4) / 2.5)),
                Survey::Lsst => (0.2, 1.0),
            };
            let radius = (1.3 * visit.seeing / pixel).min(size as f64 / 2.0);
            let middle = (size - 1) as f64 / 2.0;
            let inside = |at: usize| ((at % size) as f64 - middle).hypot((at / size) as f64 - middle) <= radius;
            let within: Vec<f64> =
                (0..size * size).filter(|at| inside(*at)).map(|at| f64::from(sign * difference[at])).collect();
            let flux: f64 = within.iter().sum::<f64>() / gain;
            let width = visit.seeing / 2.3548 / pixel;
            let noise = visit.limit / 5.0 * (within.len() as f64 / (4.0 * std::f64::consts::PI)).sqrt() / width;
            pulls.push((flux - made.trigger.flux) / noise.hypot(0.04 * made.trigger.flux));
            assert!(header.starts_with(b"SIMPLE  =                    T"));
            assert_ne!(science, template);
        }
        let mean = pulls.iter().sum::<f64>() / count as f64;
        let scatter = (pulls.iter().map(|pull| (pull - mean) * (pull - mean)).sum::<f64>() / count as f64).sqrt();
        assert!(mean.abs() < 0.4 && (0.6..1.4).contains(&scatter), "{survey:?}: {mean} ± {scatter}");
    }
}

/// Two visits of one place, in which only the exposure differs, have the same field: their templates differ by noise.
#[test]
fn a_place_looks_the_same_in_every_visit() {
    for seed in 0..10 {
        let first = good(Survey::Ztf, seed);
        let mut second = first.clone();
        second.trigger.visit.number += 1000;
        second.trigger.visit.start_utc += 0.01;
        let [_, (one, _), _] = stamps(Survey::Ztf, &first);
        let [_, (other, _), _] = stamps(Survey::Ztf, &second);
        let noise = one.iter().zip(&other).filter(|(one, other)| (*one - *other).abs() > 60.0).count();
        assert!(noise < 10, "{noise} pixels differ");
        second.trigger.id += 1;
        assert_ne!(stamps(Survey::Ztf, &first)[2].0, stamps(Survey::Ztf, &second)[2].0);
    }
}

/// A reference source is in the template, as bright as the shot says.
#[test]
fn the_template_has_the_reference() {
    for seed in 0..20 {
        let mut made = good(Survey::Ztf, seed);
        let flux = 3e7;
        made.trigger.reference = Reference { image: 1, flux: Some(flux), distance: 0.3 };
        made.target.neighbour.star = 1.0;
        let sky = made.trigger.visit.sky;
        let [_, (template, _), _] = stamps(Survey::Ztf, &made);
        let gain = 10f64.powf((made.trigger.visit.zero_point - 31.4) / 2.5);
        let near = |at: usize| ((at % 63) as f64 - 31.0).hypot((at / 63) as f64 - 31.0) < 6.0;
        let sum: f64 = (0..63 * 63).filter(|at| near(*at)).map(|at| f64::from(template[at]) - sky).sum();
        assert!((sum / gain / flux - 1.0).abs() < 0.05, "{}", sum / gain / flux);
    }
}
