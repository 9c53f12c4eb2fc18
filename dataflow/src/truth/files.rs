//! Truth as CSV files, for pandas and polars: what there was, what was sent, how it truly shone, what must come of it.

use skydiff_schemas::survey::{object_name, survey_by_name};
use skydiff_schemas::{ObjectClass, ObjectId, SurveyId};
use skydiff_simulate::{Ledger, Point, Settings, Survey, Told, sky::Class};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes truth as packets are made. Errors are those of the disk.
#[derive(Debug)]
pub struct TruthFiles {
    survey: Survey,
    objects: BufWriter<File>,
    alerts: BufWriter<File>,
    curves: BufWriter<File>,
    ledger: std::path::PathBuf,
}

impl TruthFiles {
    /// Begins `objects.csv`, `alerts.csv` and `light_curves.csv` in a folder, and writes `simulation.toml`.
    pub fn create(folder: &Path, settings: &Settings) -> io::Result<TruthFiles> {
        std::fs::create_dir_all(folder)?;
        let text = toml::to_string(settings).map_err(io::Error::other)?;
        std::fs::write(folder.join("simulation.toml"), text)?;
        let begin = |name: &str, head: &str| -> io::Result<BufWriter<File>> {
            let mut file = BufWriter::new(File::create(folder.join(name))?);
            writeln!(file, "{head}")?;
            Ok(file)
        };
        Ok(TruthFiles {
            survey: settings.survey,
            objects: begin("objects.csv", "object,class,ra,dec,moved_to,error_factor,lasting_noise,parameters")?,
            alerts: begin(
                "alerts.csv",
                "alert,object,class,night,visit,band,mjd_tai,delivered_mjd_utc,first_mjd_tai,snr,flux,total,score,rows,what,reject",
            )?,
            curves: begin("light_curves.csv", "object,mjd_tai,band,reference,flux,total,sigma,detected")?,
            ledger: folder.join("ledger.csv"),
        })
    }

    /// Takes down a packet.
    pub fn tell(&mut self, told: &Told) -> io::Result<()> {
        let object = object_label(self.survey, told.object.id(), told.moves);
        let named = object_label(self.survey, told.id, told.moves);
        let class = told.object.class().name();
        if told.is_first {
            let place = told.object.place(told.mjd_tai);
            let moved = told.object.other().map(|other| object_label(self.survey, other, false)).unwrap_or_default();
            let parameters: Vec<String> =
                told.object.parameters().iter().map(|(name, value)| format!("{name}={value:.6}")).collect();
            writeln!(
                self.objects,
                "{object},{class},{:.7},{:.7},{moved},{:.3},{:.3},{}",
                place.ra,
                place.dec,
                told.object.factor(),
                told.object.lasting(),
                parameters.join(";")
            )?;
        }
        writeln!(
            self.alerts,
            "{},{named},{class},{},{},{},{:.7},{:.7},{:.7},{:.2},{:.2},{:.2},{:.3},{},{},{}",
            told.alert,
            crate::source::Night(i32::try_from(told.night).unwrap_or_default()),
            told.visit,
            told.band.name(),
            told.mjd_tai,
            told.delivered,
            told.first,
            told.snr,
            told.flux,
            told.total,
            told.score,
            told.rows,
            told.what.name(),
            told.reject.unwrap_or_default()
        )?;
        for Point { mjd_tai, band, reference, flux, total, sigma, detected } in &told.curve {
            let band = band.name();
            writeln!(
                self.curves,
                "{object},{mjd_tai:.7},{band},{reference},{flux:.2},{total:.2},{sigma:.2},{detected}"
            )?;
        }
        Ok(())
    }

    /// Ends the files; `ledger.csv` says what a reconciliation must say.
    pub fn end(mut self, ledger: &Ledger) -> io::Result<()> {
        self.objects.flush()?;
        self.alerts.flush()?;
        self.curves.flush()?;
        let mut text = "what,detail,count\n".to_owned();
        let mut line = |what: &str, detail: &str, count: u64| text += &format!("{what},{detail},{count}\n");
        line("packets sent", "", ledger.sent);
        line("packets accepted", "", ledger.accepted());
        line("packets under way", "", ledger.under_way);
        ledger.what.iter().for_each(|(what, count)| line("packets", what.name(), *count));
        ledger.rejected.iter().for_each(|(reason, count)| line("packets rejected", reason, *count));
        line("packets repeated", "", ledger.repeated);
        line("rows", "", ledger.rows);
        line("rows superseded", "", ledger.superseded);
        line("rows superseded", "remeasured", ledger.remeasured);
        line("rows withdrawn", "", ledger.withdrawn);
        line("measurements moved", "", ledger.moved);
        ledger.objects.iter().for_each(|(class, count)| line("objects", class.name(), *count));
        std::fs::write(self.ledger, text)
    }
}

/// The name of an object of a simulation, as people and records write it.
pub fn object_label(survey: Survey, id: u64, moves: bool) -> String {
    let class = if moves { ObjectClass::SolarSystem } else { ObjectClass::Sidereal };
    let survey = survey_by_name(survey.name()).map_or(SurveyId(0), |survey| survey.id());
    object_name(ObjectId { survey, class, id })
}

/// The truth about an object, as a score needs it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// What it is.
    pub class: Class,
    /// Its true light at the visits that covered it.
    pub points: Vec<Point>,
    /// The object that its sources went over to, if they did.
    pub moved_to: Option<String>,
    /// Its first detection by the survey, MJD TAI.
    pub first: f64,
    /// Times of its accepted alerts, MJD TAI, in the order of their delivery.
    pub accepted: Vec<f64>,
    /// Greatest real/bogus score of these.
    pub score: f64,
}

impl Truth {
    /// Adds what a packet tells to the truth about all objects, by name; of an object whose sources went over to another,
    /// both names are its own.
    pub fn note(all: &mut BTreeMap<String, Truth>, survey: Survey, told: &Told) {
        let object = object_label(survey, told.object.id(), told.moves);
        let blank = || Truth {
            class: told.object.class(),
            points: Vec::new(),
            moved_to: told.object.other().map(|other| object_label(survey, other, false)),
            first: told.first,
            accepted: Vec::new(),
            score: 0.0,
        };
        let truth = all.entry(object).or_insert_with(blank);
        truth.points.extend(&told.curve);
        if told.reject.is_none() {
            truth.accepted.push(told.mjd_tai);
            truth.score = truth.score.max(told.score);
        }
    }
}
