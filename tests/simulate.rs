//! A simulated survey through the binary: the reconciliation says what the truth says, to the packet and the row.

mod common;

use common::{Folder, printed, skydiff};
use std::collections::BTreeMap;
use std::path::Path;

const SMALL: [&str; 7] = ["--visits", "12", "--alerts", "40", "--no-cutouts", "--nights", "8"];
const TROUBLE: [&str; 12] = [
    "--late",
    "0.05",
    "--duplicate",
    "0.05",
    "--corrupt",
    "0.03",
    "--moved",
    "0.15",
    "--remeasured",
    "0.15",
    "--withdrawn",
    "0.15",
];

fn simulate(folder: &Folder, more: &[&str]) -> Vec<String> {
    let to = folder.0.join("nights");
    let arguments = ["simulate", "--to", to.to_str().unwrap()].into_iter().chain(SMALL).chain(more.iter().copied());
    printed(skydiff(arguments)).lines().map(str::to_owned).collect()
}

fn run(folder: &Folder, more: &[&str]) -> String {
    let (from, to) = (folder.0.join("nights"), folder.0.join("out"));
    let fixed = ["run", "--from", from.to_str().unwrap(), "--to", to.to_str().unwrap(), "--max-reject", "1"];
    printed(skydiff(fixed.into_iter().chain(more.iter().copied())))
}

/// Counts of a CSV of which the last column is one, by the columns before; `skip` columns are left out.
fn counts(path: &Path, skip: usize) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines().skip(1) {
        let (what, count) = line.rsplit_once(',').unwrap();
        let what = what.splitn(skip + 1, ',').last().unwrap().trim_end_matches(',');
        *counts.entry(what.to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
    counts
}

#[test]
fn everything_that_went_wrong_is_accounted_for() {
    for survey in ["ztf", "lsst"] {
        let folder = Folder::new(&format!("account-{survey}"));
        simulate(&folder, &[&["--survey", survey][..], &TROUBLE].concat());
        run(&folder, &["--epoch", "packets=1", "--workers", "2"]);
        let truth = counts(&folder.0.join("nights/truth/ledger.csv"), 0);
        let books = counts(&folder.0.join("out/reconciliation.csv"), 1);
        let get = |counts: &BTreeMap<String, u64>, what: &str| counts.get(what).copied().unwrap_or_default();
        for (of_truth, of_books) in [
            ("packets sent", "packets received"),
            ("packets accepted", "packets accepted"),
            ("packets rejected,datum", "packets rejected,datum"),
            ("packets rejected,framing", "packets rejected,framing"),
            ("packets rejected,future", "packets rejected,future"),
            ("packets rejected,unknown_schema", "packets rejected,unknown_schema"),
            ("packets repeated", "packets repeated"),
            ("rows", "rows read"),
            ("rows superseded", "rows superseded"),
            ("rows withdrawn", "rows withdrawn"),
            ("measurements moved", "measurements moved"),
        ] {
            assert_eq!(get(&truth, of_truth), get(&books, of_books), "{survey}: {of_truth}\n{truth:?}\n{books:?}");
        }
        assert!(get(&truth, "packets repeated") > 0 && get(&truth, "measurements moved") > 0, "{truth:?}");
        assert!(get(&truth, "packets,late") > 0 && truth.keys().any(|what| what.starts_with("packets rejected")));
        assert!(survey == "ztf" || get(&truth, "rows withdrawn") > 0, "{truth:?}");
    }
}

#[test]
fn a_job_that_simulates_is_a_job_that_reads_its_files() {
    let folder = Folder::new("in-process");
    let nights = simulate(&folder, &TROUBLE);
    assert!(nights.len() > 3 && nights.last().unwrap().ends_with("truth"), "{nights:?}");
    let digests = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("digest "));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let of_files = digests(&run(&folder, &["--digest", "--digest-at", "night"]));
    assert_eq!(of_files.len(), nights.len());
    // The settings that the files were made with are what the job file takes.
    let settings = std::fs::read_to_string(folder.0.join("nights/truth/simulation.toml")).unwrap();
    let nested =
        settings.replace("[noise]", "[source.simulate.noise]").replace("[trouble]", "[source.simulate.trouble]");
    let job = format!("[[source]]\nkind = \"simulate\"\n[source.simulate]\n{nested}");
    let job = folder.write("job.toml", job.as_bytes());
    for workers in ["1", "3"] {
        let arguments = ["run", job.to_str().unwrap(), "--max-reject", "1", "--digest", "--digest-at", "night"];
        let of_job = digests(&printed(skydiff(arguments.into_iter().chain(["--workers", workers]))));
        assert_eq!(of_job, of_files);
    }
}

#[test]
fn a_demo_ends_with_a_table_that_is_true() {
    let folder = Folder::new("demo");
    let to = folder.0.join("demo");
    let fixed = ["demo", "--to", to.to_str().unwrap(), "--no-weather", "--visits", "16", "--alerts", "40"];
    let text = printed(skydiff(fixed.into_iter().chain(["--no-cutouts"])));
    for part in ["It adds up.", "How each class fared", "eclipsing", "purity", "Written:", "score.csv"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let alerts = std::fs::read_to_string(to.join("packets/truth/alerts.csv")).unwrap();
    let score = std::fs::read_to_string(to.join("score.csv")).unwrap();
    // Every accepted alert of the truth is counted once in the table.
    let accepted = alerts.lines().skip(1).filter(|line| line.ends_with(',')).count() as u64;
    let column = |line: &str, at: usize| line.split(',').nth(at).unwrap().to_owned();
    let rows = score.lines().skip(1).filter(|line| column(line, 1) == "inf");
    let told: u64 = rows.map(|line| column(line, 3).parse::<u64>().unwrap()).sum();
    assert_eq!(told, accepted);
    // Twice into the same folder is the same.
    let again = printed(skydiff(fixed.into_iter().chain(["--no-cutouts", "--workers", "1"])));
    assert_eq!(std::fs::read_to_string(to.join("score.csv")).unwrap(), score, "{again}");
}

#[test]
fn wrong_flags_say_what_is_right() {
    for (flags, part) in [
        (&["--classes", "novae"][..], "rr_lyrae"),
        (&["--late", "2"], "a share from 0 to 1"),
        (&["--start", "yesterday"], "2026-03-09"),
        (&["--survey", "lsst", "--schema", "900"], "1000, 1100 or 1101"),
    ] {
        let output = skydiff(["simulate", "--to", "/nonexistent/never"].iter().chain(flags));
        assert!(!output.status.success());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains(part), "{complaint}");
    }
}
