//! What a simulation says is true of an object: the light curve without noise, and what it is.
//!
//! `light_curves.csv` has `object,mjd_tai,band,flux,total` (nJy), `objects.csv` has `object,class`; other columns, and
//! columns in another order, are as good.

use serde::Serialize;
use skydiff_schemas::Band;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A true flux.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TruePoint {
    /// MJD TAI.
    pub mjd_tai: f64,
    /// Filter.
    pub band: &'static str,
    /// Difference flux, nJy.
    pub flux: f64,
    /// Total flux, nJy.
    pub total_flux: Option<f64>,
}

/// What is true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// What it is.
    pub class: Option<String>,
    /// In order of time.
    pub points: Vec<TruePoint>,
}

const CURVES: &str = "light_curves.csv";
const OBJECTS: &str = "objects.csv";

/// A `truth` folder in or beside one of these paths.
pub fn beside(paths: &[PathBuf]) -> Option<PathBuf> {
    let around = paths.iter().flat_map(|path| {
        let here = path.join("truth");
        let parent = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
        [Some(here), parent.map(|parent| parent.join("truth"))]
    });
    around.flatten().find(|folder| folder.join(CURVES).is_file() || folder.join(OBJECTS).is_file())
}

/// The truth of the object in that folder, or in that file of light curves.
pub fn read(path: &Path, object: &str) -> Result<Truth, String> {
    if !path.is_dir() {
        return Ok(Truth { class: None, points: curve(path, object)? });
    }
    let (curves, objects) = (path.join(CURVES), path.join(OBJECTS));
    if !curves.is_file() && !objects.is_file() {
        return Err(format!(
            "{}: neither {CURVES} nor {OBJECTS} is in it: name the folder `truth` of a simulation",
            path.display()
        ));
    }
    let points = if curves.is_file() { curve(&curves, object)? } else { vec![] };
    let mut class = None;
    if objects.is_file() {
        rows(&objects, object, ["class"], |[is]| {
            class = Some(is.to_owned()).filter(|class| !class.is_empty());
            Ok(())
        })?;
    }
    Ok(Truth { class, points })
}

fn curve(file: &Path, object: &str) -> Result<Vec<TruePoint>, String> {
    let mut points = Vec::new();
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    rows(file, object, ["mjd_tai", "band", "flux", "total"], |[mjd, band, flux, total]| {
        let known = Band::from_name(band).map(Band::name);
        let point = number(mjd).zip(known).zip(number(flux));
        let ((mjd_tai, band), flux) =
            point.ok_or_else(|| format!("`{mjd},{band},{flux}` is no time, band and flux in nJy"))?;
        points.push(TruePoint { mjd_tai, band, flux, total_flux: number(total) });
        Ok(())
    })?;
    points.sort_by(|a, b| a.mjd_tai.total_cmp(&b.mjd_tai));
    Ok(points)
}

/// The object's rows of a CSV without quotes, as these columns.
fn rows<const N: usize>(
    file: &Path,
    object: &str,
    columns: [&str; N],
    mut look: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let mut reader = BufReader::new(File::open(file).map_err(|error| wrong(&error))?);
    let mut line = String::new();
    reader.read_line(&mut line).map_err(|error| wrong(&error))?;
    let header: Vec<String> = line.trim_end().split(',').map(str::to_owned).collect();
    let place = |name: &str| {
        let at = header.iter().position(|column| column == name);
        at.ok_or_else(|| wrong(&format!("its header has no column `{name}`: is it the truth of a simulation?")))
    };
    let mut places = [0; N];
    for (at, name) in places.iter_mut().zip(columns) {
        *at = place(name)?;
    }
    let key = place("object")?;
    for number in 2.. {
        line.clear();
        if reader.read_line(&mut line).map_err(|error| wrong(&error))? == 0 {
            break;
        }
        // Most lines are of other objects.
        if !line.contains(object) {
            continue;
        }
        let fields: Vec<&str> = line.trim_end().split(',').collect();
        if fields.get(key) == Some(&object) {
            look(places.map(|at| fields.get(at).copied().unwrap_or("")))
                .map_err(|why| wrong(&format!("line {number}: {why}")))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rows_of_the_object_whatever_the_order_of_columns() {
        let folder = std::env::temp_dir().join(format!("skydiff-truth-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let curves = "band,object,mjd_tai,total,flux\nr,A1,3.5,20,10\ng,A11,1,2,3\ng,A1,2.5,,-4\n";
        std::fs::write(folder.join(CURVES), curves).unwrap();
        std::fs::write(folder.join(OBJECTS), "object,class\nA11,SN Ia\nA1,RR Lyrae\n").unwrap();
        let truth = read(&folder, "A1").unwrap();
        let points = [
            TruePoint { mjd_tai: 2.5, band: "g", flux: -4.0, total_flux: None },
            TruePoint { mjd_tai: 3.5, band: "r", flux: 10.0, total_flux: Some(20.0) },
        ];
        assert_eq!(truth, Truth { class: Some("RR Lyrae".into()), points: points.to_vec() });
        std::fs::write(folder.join(CURVES), "object,mjd_tai,band,flux,total\nA1,x,g,1,2\n").unwrap();
        assert!(read(&folder, "A1").unwrap_err().contains("line 2: `x,g,1` is no time"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
