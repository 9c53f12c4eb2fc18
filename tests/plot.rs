//! `skydiff plot`: what is plotted is what is known, from packets and from a run, and the pictures show it.

mod common;

use common::{Folder, complaint, printed, skydiff, ztf};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

const OBJECT: &str = "ZTF24aaaaaac";

/// The packets of one object of the small sky, a file each.
fn packets(name: &str) -> Folder {
    let folder = Folder::new(name);
    let named = |bytes: &&Vec<u8>| bytes.windows(OBJECT.len()).any(|part| part == OBJECT.as_bytes());
    let nights = ztf::nights(7, 4);
    std::fs::create_dir(folder.0.join("packets")).unwrap();
    for (number, bytes) in nights.iter().flatten().filter(named).enumerate() {
        folder.write(&format!("packets/{number:03}.avro"), bytes);
    }
    folder
}

fn plot(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> std::process::Output {
    let verb: &dyn AsRef<std::ffi::OsStr> = &"plot";
    skydiff([verb, &OBJECT].iter().chain(arguments).map(|argument| argument.as_ref().to_owned()))
}

fn json(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Json {
    let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
        arguments.iter().copied().chain([&"--json" as &dyn AsRef<std::ffi::OsStr>]).collect();
    serde_json::from_str(&printed(plot(&arguments))).unwrap()
}

fn intervals(plotted: &Json) -> impl Iterator<Item = &Json> {
    plotted["timescales"].as_array().unwrap().iter().flat_map(|strip| strip["intervals"].as_array().unwrap())
}

/// The states of a timescale at a time.
fn held(strip: &Json, mjd: f64) -> Vec<&str> {
    let holds = |one: &&Json| one["from"].as_f64().unwrap() <= mjd && one["to"].as_f64().is_none_or(|to| to > mjd);
    let mut held: Vec<&str> = strip["intervals"].as_array().unwrap().iter().filter(holds).map(state).collect();
    held.sort_unstable();
    held
}

fn state(of: &Json) -> &str {
    of["state"].as_str().unwrap()
}

#[test]
fn what_is_plotted_is_what_is_known() {
    let folder = packets("plot-data");
    let from = folder.0.join("packets");
    let plotted = json(&[&"--from", &from]);
    let printed = printed(skydiff([&"object" as &dyn AsRef<std::ffi::OsStr>, &OBJECT, &"--from", &from, &"--json"]));
    let known: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!(plotted["points"], known["history"]);
    assert_eq!(plotted["alerts"].as_array().unwrap().len() as i64, known["alerts"].as_i64().unwrap());
    let clock = known["clock_mjd_tai"].as_f64().unwrap();
    let (strips, scales) = (plotted["timescales"].as_array().unwrap(), known["timescales"].as_array().unwrap());
    assert_eq!(strips.len(), scales.len());
    for (strip, scale) in strips.iter().zip(scales) {
        let mut now: Vec<&str> = scale["states"].as_array().unwrap().iter().map(state).collect();
        now.sort_unstable();
        assert_eq!((&strip["timescale"], held(strip, clock)), (&scale["timescale"], now));
    }
    // At each alert what holds is what `object` says of the packets up to it; here of the first alone.
    let first = plotted["alerts"][0].as_f64().unwrap();
    assert!(intervals(&plotted).all(|interval| interval["from"].as_f64().unwrap() >= first));
    assert!(held(&strips[1], first).contains(&"candidate"), "{}", strips[1]);
    let chosen = json(&[&"--from", &from, &"--timescales", &"30,2,all"]);
    let days: Vec<&Json> = chosen["timescales"].as_array().unwrap().iter().map(|strip| &strip["timescale"]).collect();
    assert_eq!(days, [&Json::from(2.0), &Json::from(30.0), &Json::Null]);
    assert_eq!(chosen["timescales"][1], strips[4]);
}

#[test]
fn the_svg_has_axes_series_and_states() {
    let folder = packets("plot-svg");
    let (from, file) = (folder.0.join("packets"), folder.0.join("a.svg"));
    let truth = folder.0.join("truth");
    std::fs::create_dir(&truth).unwrap();
    std::fs::write(truth.join("objects.csv"), format!("object,class\n{OBJECT},SN Ia\n")).unwrap();
    let curve = format!("object,mjd_tai,band,flux,total\n{OBJECT},60312,g,4e4,\n{OBJECT},60312.5,g,4.1e4,\n");
    std::fs::write(truth.join("light_curves.csv"), curve).unwrap();
    let said = printed(plot(&[&"--from", &from, &"-o", &file]));
    assert_eq!(said.trim(), file.display().to_string());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("<svg width=\"1600\" height=\"1200\" viewBox=\"0 0 6400 4800\""), "{}", &text[..100]);
    for word in
        [OBJECT, "MJD (TAI)", "Difference flux (", "2024-01-0", "class: SN Ia (simulated)", "truth", "2 d", "all"]
    {
        assert!(text.contains(word), "{word}");
    }
    let plotted = json(&[&"--from", &from]);
    assert_eq!(plotted["truth"].as_array().unwrap().len(), 2);
    assert_eq!(plotted["truth"][0]["flux"], 4e4);
    let bands = [("g", "#49BE61"), ("r", "#C61C00")];
    for (band, colour) in bands {
        let points = plotted["points"].as_array().unwrap().iter().filter(|point| point["band"] == band).count();
        assert!(points > 0 && text.matches(colour).count() > points, "{band}");
    }
    let candidates = intervals(&plotted).filter(|interval| state(interval) == "candidate").count();
    let bars = text.lines().filter(|line| line.starts_with("<rect") && line.contains("#8CD6BE")).count();
    assert_eq!(bars, candidates + 1, "a bar for each interval, and one in the legend");
    printed(plot(&[&"--from", &from, &"-o", &file, &"--mag"]));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("Magnitude of the difference flux (AB)"));
}

#[test]
fn the_png_is_not_blank() {
    let folder = packets("plot-png");
    let (from, file) = (folder.0.join("packets"), folder.0.join("a.png"));
    printed(plot(&[&"--from", &from, &"-o", &file, &"--width", &"800", &"--height", &"600"]));
    let mut reader = png::Decoder::new(std::fs::File::open(&file).unwrap()).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut data).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (800, 600, png::ColorType::Rgb));
    let has = |colour: [u8; 3]| data.chunks_exact(3).filter(|pixel| *pixel == colour).count();
    assert!(has([255; 3]) > 800 * 600 / 2, "mostly paper");
    assert!(has([73, 190, 97]) > 20 && has([198, 28, 0]) > 20, "g and r");
}

#[test]
fn from_a_run_it_is_what_was_said() {
    let folder = packets("plot-run");
    let (from, out) = (folder.0.join("packets"), folder.0.join("out"));
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"run", &"--from", &from, &"--to", &out, &"--epoch", &"packets=1"];
    printed(skydiff(arguments.map(|argument| argument.as_ref().to_owned())));
    let plotted = json(&[&out]);
    let lines = std::fs::read_to_string(out.join("records.jsonl")).unwrap();
    let records: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = plotted["told"].as_array().unwrap();
    assert_eq!(told.len(), records.len());
    assert!(told.iter().zip(&records).all(|(told, record)| told["alert_type"] == record["alert_type"]));
    assert_eq!(plotted["points"], json(&[&"--from", &from])["points"]);
    let last = told.last().unwrap()["mjd_tai"].as_f64().unwrap();
    for (strip, scale) in
        plotted["timescales"].as_array().unwrap().iter().zip(records.last().unwrap()["timescales"].as_array().unwrap())
    {
        let mut said: Vec<&str> = scale["states"].as_array().unwrap().iter().map(state).collect();
        said.sort_unstable();
        assert_eq!(held(strip, last), said);
    }
    std::fs::rename(&from, folder.0.join("elsewhere")).unwrap();
    let output = plot(&[&out, &"--json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not there any more"));
    let without: Json = serde_json::from_str(&printed(output)).unwrap();
    assert_eq!(without["timescales"], plotted["timescales"]);
    let points = without["points"].as_array().unwrap();
    let flux = |points: &Json, mjd: &Json| {
        let found =
            points.as_array().unwrap().iter().find(|point| point["mjd_tai"] == *mjd && point["kind"] != "limit");
        found.map(|point| point["flux"].clone())
    };
    assert!(!points.is_empty());
    assert!(points.iter().all(|point| flux(&plotted["points"], &point["mjd_tai"]) == Some(point["flux"].clone())));
}

#[test]
fn what_cannot_be_plotted_is_explained() {
    let folder = packets("plot-wrong");
    let from: PathBuf = folder.0.join("packets");
    let why = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| complaint(plot(arguments));
    assert!(why(&[&"--from", &from, &"-o", &"a.pdf"]).contains("a picture ends in .png or .svg"));
    assert!(why(&[&"--from", &from, &"--height", &"300"]).contains("at least two fifths of --width 1600"));
    assert!(why(&[&from]).contains("no records.jsonl is in it: name the folder of `skydiff run --to`"));
    assert!(why(&[&Path::new("/no/such")]).contains("there is no such folder"));
    assert!(why(&[&"--from", &from, &"--truth", &from]).contains("name the folder `truth` of a simulation"));
    let unknown = complaint(skydiff(["plot", "ZTF24aaaazzz", "--from", from.to_str().unwrap()]));
    assert!(unknown.contains("no alert of ZTF24aaaazzz"), "{unknown}");
}
