//! The same values as `ours` selects, as serde_avro_fast takes them: structs with borrowed texts.

#![allow(dead_code, non_snake_case, reason = "only read into, under the surveys' names")]

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Ztf<'a> {
    objectId: &'a str,
    #[serde(borrow)]
    candidate: Candidate<'a>,
    prv_candidates: Option<Vec<Option<Prv<'a>>>>,
    fp_hists: Option<Vec<Option<Forced<'a>>>>,
}

#[derive(Deserialize)]
struct Candidate<'a> {
    jd: Option<f64>,
    fid: Option<i32>,
    pid: Option<i64>,
    diffmaglim: Option<f32>,
    candid: Option<i64>,
    isdiffpos: Option<&'a str>,
    rcid: Option<i32>,
    field: Option<i32>,
    ra: Option<f64>,
    dec: Option<f64>,
    magpsf: Option<f32>,
    sigmapsf: Option<f32>,
    rb: Option<f32>,
    drb: Option<f32>,
    ssdistnr: Option<f32>,
    sgscore1: Option<f32>,
}

#[derive(Deserialize)]
struct Prv<'a> {
    jd: Option<f64>,
    fid: Option<i32>,
    pid: Option<i64>,
    diffmaglim: Option<f32>,
    candid: Option<i64>,
    isdiffpos: Option<&'a str>,
    rcid: Option<i32>,
    field: Option<i32>,
    ra: Option<f64>,
    dec: Option<f64>,
    magpsf: Option<f32>,
    sigmapsf: Option<f32>,
}

#[derive(Deserialize)]
struct Forced<'a> {
    jd: Option<f64>,
    fid: Option<i32>,
    pid: Option<i64>,
    diffmaglim: Option<f32>,
    rcid: Option<i32>,
    field: Option<i32>,
    magzpsci: Option<f32>,
    forcediffimflux: Option<f32>,
    forcediffimfluxunc: Option<f32>,
    exptime: Option<f32>,
    procstatus: Option<&'a str>,
    programid: Option<i32>,
}

#[derive(Deserialize)]
pub struct Lsst<'a> {
    #[serde(borrow)]
    diaSource: Source<'a>,
    prvDiaSources: Option<Vec<Prior<'a>>>,
    prvDiaForcedSources: Option<Vec<ForcedSource<'a>>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    diaSourceId: i64,
    visit: i64,
    detector: i32,
    diaObjectId: Option<i64>,
    ssObjectId: Option<i64>,
    midpointMjdTai: f64,
    ra: f64,
    dec: f64,
    raErr: Option<f32>,
    decErr: Option<f32>,
    psfFlux: Option<f32>,
    psfFluxErr: Option<f32>,
    scienceFlux: Option<f32>,
    scienceFluxErr: Option<f32>,
    snr: Option<f32>,
    reliability: Option<f32>,
    extendedness: Option<f32>,
    band: Option<&'a str>,
    isDipole: Option<bool>,
    timeProcessedMjdTai: Option<f64>,
}

#[derive(Deserialize)]
struct Prior<'a> {
    diaSourceId: i64,
    visit: i64,
    detector: i32,
    diaObjectId: Option<i64>,
    midpointMjdTai: f64,
    ra: f64,
    dec: f64,
    psfFlux: Option<f32>,
    psfFluxErr: Option<f32>,
    reliability: Option<f32>,
    band: Option<&'a str>,
    timeProcessedMjdTai: Option<f64>,
}

#[derive(Deserialize)]
struct ForcedSource<'a> {
    diaForcedSourceId: i64,
    diaObjectId: i64,
    visit: i64,
    detector: i32,
    ra: f64,
    dec: f64,
    midpointMjdTai: f64,
    psfFlux: Option<f32>,
    psfFluxErr: Option<f32>,
    scienceFlux: Option<f32>,
    band: Option<&'a str>,
    timeProcessedMjdTai: Option<f64>,
}
