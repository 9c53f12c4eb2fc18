//! About what a survey's mapping selects.

use Need::{Optional, Required};
use Wanted::{Boolean, Float, Integer, Text};
use skydiff_schemas::avro::{Need, Selection, Wanted};

const ZTF_ROW: [(&str, Wanted); 12] = [
    ("jd", Float),
    ("fid", Integer),
    ("pid", Integer),
    ("diffmaglim", Float),
    ("candid", Integer),
    ("isdiffpos", Text),
    ("rcid", Integer),
    ("field", Integer),
    ("ra", Float),
    ("dec", Float),
    ("magpsf", Float),
    ("sigmapsf", Float),
];

/// `objectId`, 16 values of `candidate`, 12 of each row.
pub fn ztf() -> Selection {
    let mut selection = Selection::new();
    selection.want("objectId", Text, Required);
    for (name, wanted) in ZTF_ROW {
        selection.want(&format!("candidate.{name}"), wanted, Required);
    }
    for name in ["rb", "drb", "ssdistnr", "sgscore1"] {
        selection.want(&format!("candidate.{name}"), Float, Optional);
    }
    let prv = selection.array("prv_candidates", Required);
    for (name, wanted) in ZTF_ROW {
        selection.want_in(prv, name, wanted, Optional);
    }
    let forced = selection.array("fp_hists", Optional);
    for name in ["jd", "diffmaglim", "magzpsci", "forcediffimflux", "forcediffimfluxunc", "exptime"] {
        selection.want_in(forced, name, Float, Optional);
    }
    for name in ["fid", "pid", "rcid", "field", "programid"] {
        selection.want_in(forced, name, Integer, Optional);
    }
    selection.want_in(forced, "procstatus", Text, Optional);
    selection
}

/// 20 values of `diaSource`, 12 of each row.
pub fn lsst() -> Selection {
    let mut selection = Selection::new();
    for name in ["diaSourceId", "visit", "detector", "diaObjectId", "ssObjectId"] {
        selection.want(&format!("diaSource.{name}"), Integer, Required);
    }
    let floats = ["midpointMjdTai", "ra", "dec", "raErr", "decErr", "psfFlux", "psfFluxErr", "scienceFlux"];
    let more = ["scienceFluxErr", "snr", "reliability", "extendedness", "timeProcessedMjdTai"];
    for name in floats.into_iter().chain(more) {
        selection.want(&format!("diaSource.{name}"), Float, Required);
    }
    selection.want("diaSource.band", Text, Required);
    selection.want("diaSource.isDipole", Boolean, Required);
    let both = ["ra", "dec", "midpointMjdTai", "psfFlux", "psfFluxErr", "timeProcessedMjdTai"];
    for (array, id, other) in
        [("prvDiaSources", "diaSourceId", "reliability"), ("prvDiaForcedSources", "diaForcedSourceId", "scienceFlux")]
    {
        let array = selection.array(array, Required);
        for name in [id, "visit", "detector", "diaObjectId"] {
            selection.want_in(array, name, Integer, Required);
        }
        for name in both.into_iter().chain([other]) {
            selection.want_in(array, name, Float, Required);
        }
        selection.want_in(array, "band", Text, Required);
    }
    selection
}
