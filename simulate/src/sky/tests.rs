//! What holds of every class, and how many there are.

use std::time::Instant;

use skydiff_schemas::Band;

use super::bands::nanojansky;
use super::galaxy::galactic;
use super::*;
use crate::{Place, Random};

const G: Band = Band(1);
const R_BAND: Band = Band(2);

fn some(class: Class, seed: u64) -> Model {
    let mut random = Random::new(seed);
    let place = Place { ra: random.between(0.0, 360.0), dec: random.between(-60.0, 60.0) };
    Model::draw(class, place, random, 60_000.0)
}

/// A patch at that Galactic latitude, near that ecliptic latitude if the sky has such a place.
fn patch_at(b: f64, ecliptic: f64, radius: f64) -> Patch {
    let mut best = (f64::INFINITY, Place { ra: 0.0, dec: 0.0 });
    for ra in 0..180 {
        for dec in -35..40 {
            let place = Place { ra: f64::from(ra) * 2.0, dec: f64::from(dec) * 2.0 };
            let (l, at) = galactic(place);
            let beta = asteroid::direction(place)[2].asin().to_degrees();
            let miss = (at - b).abs() + 0.5 * (beta - ecliptic).abs() + if l < 40.0 || l > 320.0 { 5.0 } else { 0.0 };
            if miss < best.0 {
                best = (miss, place);
            }
        }
    }
    Patch { centre: best.1, radius }
}

/// Mean number of detections in a visit to a patch, by class; and objects that stand there.
fn visit(density: &Density, patch: &Patch, depth: f64, step: i64) -> ([f64; 15], [usize; 15]) {
    let random = Random::new(1);
    let limit = nanojansky(depth);
    let (mut seen, mut standing) = ([0.0; 15], [0; 15]);
    let times: Vec<f64> = (0..8).map(|at| 60_000.2 + f64::from(at) * 13.37).collect();
    let mut count = |model: &Model, mjd: f64| {
        if (model.flux(R_BAND, mjd) - model.quiescent(R_BAND)).abs() > limit {
            seen[model.class as usize] += 1.0 / times.len() as f64;
        }
    };
    for model in density.standing(random, patch) {
        standing[model.class as usize] += 1;
        times.iter().for_each(|mjd| count(&model, *mjd));
    }
    for day in (60_000 - LONGEST as i64 - 1..60_096).step_by(step as usize) {
        for model in density.events(random, patch, day) {
            standing[model.class as usize] += 1;
            for mjd in &times {
                for _ in 0..step {
                    count(&model, *mjd);
                }
            }
        }
    }
    for mjd in &times {
        for model in density.solar_system(random, patch, *mjd) {
            standing[Class::SolarSystem as usize] += 1;
            count(&model, *mjd);
        }
    }
    seen[Class::Bogus as usize] = density.bogus_per_visit(patch);
    (seen, standing)
}

#[test]
#[ignore = "a table to read"]
fn calibration() {
    for (survey, depth, radius, step) in [("ztf", 20.5, 3.868, 1), ("lsst", 24.0, 1.748, 4)] {
        let density = Density::new(depth, 1.0);
        for (b, ecliptic) in
            [(75.0, 10.0), (60.0, 0.0), (45.0, 0.0), (30.0, 20.0), (20.0, 0.0), (10.0, 0.0), (5.0, 30.0), (2.0, 0.0)]
        {
            let patch = patch_at(b, ecliptic, radius);
            let begun = Instant::now();
            let (seen, standing) = visit(&density, &patch, depth, step);
            let total: f64 = seen.iter().sum();
            let objects: usize = standing.iter().sum();
            println!(
                "\n{survey} b {b} ecliptic {ecliptic}: {total:.0} detections, {objects} objects, {:?}",
                begun.elapsed()
            );
            for class in Class::ALL {
                print!("{} {:.1}/{}  ", class.name(), seen[class as usize], standing[class as usize]);
            }
            println!();
        }
    }
}

#[test]
#[ignore = "a table to read"]
fn timing() {
    println!("size of a model: {} bytes", std::mem::size_of::<Model>());
    for class in Class::ALL {
        let models: Vec<Model> = (0..200).map(|seed| some(class, seed)).collect();
        let (mut sum, n) = (0.0, 2_000);
        let begun = Instant::now();
        for model in &models {
            for at in 0..n {
                sum += model.flux(Band(1 + (at % 2) as u8), 60_000.0 + f64::from(at) * 0.0531);
            }
        }
        let each = begun.elapsed().as_nanos() as f64 / f64::from(n) / models.len() as f64;
        println!("{:18} {each:6.1} ns  ({sum:e})", class.name());
    }
}
