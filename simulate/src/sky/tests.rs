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
            let miss =
                (at - b).abs() + 0.5 * (beta - ecliptic).abs() + if (40.0..320.0).contains(&l) { 0.0 } else { 5.0 };
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
        let centre = Patch { centre: Place { ra: 270.5, dec: -29.0 }, radius };
        let begun = Instant::now();
        let (seen, standing) = visit(&density, &centre, depth, step);
        println!("\n{survey} centre {:?}: {seen:.0?} {standing:?} {:?}", galactic(centre.centre), begun.elapsed());
        let constant = density.clone().only(Class::Constant);
        println!("constant stars at 45: {}", constant.standing(Random::new(1), &patch_at(45.0, 0.0, radius)).len());
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
#[ignore = "for a plotting program"]
fn light_curves() {
    for class in Class::ALL {
        for seed in 0..4 {
            let model = some(class, seed);
            let (from, to) = model.lifetime().unwrap_or((60_000.0, 60_000.0 + if seed < 2 { 3.0 } else { 400.0 }));
            for at in 0..1_500 {
                let mjd = from + (to - from) * f64::from(at) / 1_500.0;
                let fluxes: Vec<String> = (0..5).map(|band| format!("{:.1}", model.flux(Band(band), mjd))).collect();
                println!("curve,{},{seed},{mjd:.4},{}", class.name(), fluxes.join(","));
            }
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

#[test]
fn fluxes_are_finite_and_not_negative_at_any_time() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1e12, 1e12, 1e300];
    for class in Class::ALL {
        for seed in 0..40 {
            let model = some(class, seed);
            for band in (0..9).map(Band).chain([Band(200)]) {
                for mjd in odd.into_iter().chain((0..60).map(|at| 59_900.0 + f64::from(at) * 7.77)) {
                    let flux = model.flux(band, mjd);
                    assert!(flux.is_finite() && flux >= 0.0, "{class:?} {seed} {band:?} {mjd}: {flux}");
                }
                assert!(model.quiescent(band).is_finite() && model.host(band).is_finite() && model.host(band) >= 0.0);
            }
            assert!(model.parameters().iter().all(|(_, value)| value.is_finite()), "{class:?}");
            let near = model.neighbour();
            assert!(near.distance >= 0.0 && near.magnitude.is_finite() && (0.0..=1.0).contains(&near.star), "{near:?}");
        }
    }
}

#[test]
fn a_lifetime_bounds_the_light() {
    for class in Class::ALL {
        for seed in 0..60 {
            let model = some(class, seed);
            assert_eq!(model.class, class);
            let Some((from, to)) = model.lifetime() else {
                assert!(!class.is_event());
                continue;
            };
            assert!(class.is_event() && (from - 60_000.0).abs() < 1e-6 && to > from && to - from <= LONGEST);
            let quiet = model.quiescent(G);
            for away in [1e-6, 1.0, 300.0] {
                assert_eq!(model.flux(G, from - away), quiet, "{class:?}");
                assert_eq!(model.flux(G, to + away), quiet, "{class:?}");
            }
            let peak =
                (0..2_000).map(|at| model.flux(G, from + (to - from) * f64::from(at) / 2_000.0)).fold(0.0, f64::max);
            assert!(peak > quiet, "{class:?} {seed}");
            // It neither appears nor goes out at a stroke.
            assert!(
                model.flux(G, to - 1e-3) - quiet < 0.02 * peak && model.flux(G, from + 1e-6) - quiet < 0.02 * peak,
                "{class:?}"
            );
        }
    }
}

#[test]
fn the_same_seed_is_the_same_sky_whatever_was_asked_before() {
    let density = Density::new(20.5, 0.3);
    let patch = Patch { centre: Place { ra: 150.0, dec: 12.0 }, radius: 3.8 };
    let other = Patch { centre: Place { ra: 151.0, dec: 12.0 }, radius: 3.8 };
    let random = Random::new(7);
    let (standing, events) = (density.standing(random, &patch), density.events(random, &patch, 60_010));
    let bits: Vec<u64> = standing.iter().map(|model| model.flux(G, 60_010.3).to_bits()).collect();
    for model in &standing {
        model.flux(R_BAND, 51_000.0);
    }
    assert_ne!(density.standing(random, &other), standing);
    density.events(random, &patch, 60_009);
    assert_eq!(density.events(random, &patch, 60_010), events);
    assert_eq!(density.standing(random, &patch), standing);
    assert!(standing.iter().zip(bits).all(|(model, bits)| model.flux(G, 60_010.3).to_bits() == bits));
    assert_ne!(density.standing(Random::new(8), &patch), standing);
    for model in events {
        let (from, _) = model.lifetime().unwrap();
        assert!((60_010.0..60_011.0).contains(&from));
    }
}

#[test]
fn objects_lie_in_the_patch_and_crowd_the_plane() {
    let density = Density::new(20.5, 1.0).with(Class::Constant, 1.0);
    let random = Random::new(3);
    let of = |class: Class, patch: &Patch| {
        density.standing(random, patch).iter().filter(|model| model.class == class).count()
    };
    let (high, low) = (patch_at(65.0, 20.0, 3.868), patch_at(7.0, 20.0, 3.868));
    for class in [Class::Eclipsing, Class::LongPeriod, Class::Cataclysmic, Class::Flare, Class::Constant] {
        assert!(of(class, &low) > of(class, &high) * 2, "{class:?}: {} {}", of(class, &low), of(class, &high));
    }
    assert!(of(Class::Agn, &high) > 2 * of(Class::Agn, &low));
    assert!(density.bogus_per_visit(&low) > density.bogus_per_visit(&high));
    let centre = asteroid::direction(high.centre);
    let mut offsets = Vec::new();
    for model in density.standing(random, &high) {
        let there = asteroid::direction(model.place);
        let away = (centre[0] * there[0] + centre[1] * there[1] + centre[2] * there[2]).acos().to_degrees();
        assert!(away <= high.radius + 1e-6 && (0.0..360.0).contains(&model.place.ra));
        offsets.push((away / high.radius) * (away / high.radius));
    }
    let mean = offsets.iter().sum::<f64>() / offsets.len() as f64;
    assert!((mean - 0.5).abs() < 0.03, "uniform over the patch: {mean}");
    assert!(
        density.clone().with(Class::Agn, 0.0).standing(random, &high).iter().all(|model| model.class != Class::Agn)
    );
    assert!(Density::new(20.5, 0.0).standing(random, &low).is_empty());
    let constant = density.only(Class::Constant);
    assert!(constant.standing(random, &low).iter().all(|model| model.class == Class::Constant));
    assert!(constant.events(random, &low, 60_000).is_empty() && constant.bogus_per_visit(&low) == 0.0);
    assert!(constant.solar_system(random, &low, 60_000.0).is_empty());
}

#[test]
fn detections_crowd_towards_the_limit() {
    let patch = patch_at(40.0, 20.0, 3.868);
    let limit = nanojansky(20.5);
    let mut changes: Vec<f64> = Vec::new();
    for model in Density::new(20.5, 1.0).standing(Random::new(2), &patch) {
        let change = (model.flux(R_BAND, 60_000.3) - model.quiescent(R_BAND)).abs();
        if change > limit {
            changes.push(change / limit);
        }
    }
    changes.sort_by(f64::total_cmp);
    // Half of them within a magnitude and a half of it, and a few a hundred times as bright.
    assert!(changes[changes.len() / 2] < 4.0, "{}", changes[changes.len() / 2]);
    assert!(changes[changes.len() - 1] > 30.0, "{:?}", changes.last());
}

#[test]
fn a_patch_may_be_anywhere() {
    for (ra, dec) in [(0.0, 90.0), (123.0, -90.0), (359.99, 0.3), (266.4, -29.0), (192.9, 27.1)] {
        for (depth, radius) in [(20.5, 3.868), (24.0, 1.748), (17.0, 1e-9), (f64::NAN, 1.0)] {
            let (density, patch) = (Density::new(depth, 0.01), Patch { centre: Place { ra, dec }, radius });
            let mut all = density.standing(Random::new(1), &patch);
            all.extend((0..30).flat_map(|day| density.events(Random::new(1), &patch, 60_000 + day)));
            all.extend(density.solar_system(Random::new(1), &patch, 60_000.0));
            for model in &all {
                assert!(
                    (0.0..360.0).contains(&model.place.ra) && (-90.0..=90.0).contains(&model.place.dec),
                    "{:?}",
                    model.place
                );
                assert!(model.flux(R_BAND, 60_010.0).is_finite());
            }
            assert!(density.bogus_per_visit(&patch) >= 0.0 || depth.is_nan());
        }
    }
}

#[test]
fn a_visit_sends_about_as_many_alerts_as_the_survey_does() {
    // Means over places from the pole to the plane, weighted by their share of the sky.
    for (depth, radius, wanted) in [(20.5, 3.868, 1_000.0), (24.0, 1.748, 10_000.0)] {
        let density = Density::new(depth, 1.0);
        let (mut sum, mut bogus) = (0.0, 0.0);
        for (b, ecliptic, weight) in [(50.0, 10.0, 0.36), (30.0, 20.0, 0.27), (14.0, 30.0, 0.2), (5.0, 30.0, 0.17)] {
            let (seen, _) = visit(&density, &patch_at(b, ecliptic, radius), depth, 20);
            sum += weight * seen.iter().sum::<f64>();
            bogus += weight * seen[Class::Bogus as usize];
        }
        assert!(sum > 0.75 * wanted && sum < 1.35 * wanted, "{depth}: {sum}");
        assert!(bogus > 0.3 * sum && bogus < 0.65 * sum, "{depth}: {bogus} of {sum}");
    }
}
