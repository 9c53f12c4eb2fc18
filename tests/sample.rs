//! The nights in `tests/sample`, with which a newcomer runs skydiff for the first time, are those that the generator makes.
//!
//! `SKYDIFF_WRITE_SAMPLE=1 cargo test --test sample` writes them anew.

#[allow(dead_code)]
mod support;

use std::path::Path;
use support::files::{Form, write};
use support::sky::{Size, nights};

#[test]
fn the_sample_is_what_the_generator_makes() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample");
    let made = std::env::temp_dir().join(format!("skydiff-sample-{}", std::process::id()));
    std::fs::create_dir_all(&made).expect("a temporary folder");
    let nights = nights(7, Size { nights: 10, objects: 30, strange: 0.1 });
    let paths: Vec<_> = nights.iter().map(|night| write(&made, night, Form::TarGz).expect("written")).collect();
    for path in &paths {
        let kept = sample.join(path.file_name().expect("a file"));
        if std::env::var_os("SKYDIFF_WRITE_SAMPLE").is_some() {
            std::fs::create_dir_all(&sample).expect("a folder");
            std::fs::copy(path, &kept).expect("copied");
        }
        let read = |path: &Path| {
            let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut bytes).expect("a tar.gz");
            bytes
        };
        assert!(read(path) == read(&kept), "{} differs", kept.display());
    }
    assert_eq!(std::fs::read_dir(&sample).expect("the sample").count(), paths.len());
    std::fs::remove_dir_all(made).expect("removed");
}
