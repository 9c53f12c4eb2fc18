//! Command lines as a person writes them, what is said of those that are wrong, and what they save.

use super::{complaint, skydiff};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// What is wrong is said within so long, on a machine that others use too.
const SOON: Duration = Duration::from_secs(15);

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// One line of complaint, soon, with what to do and without the secret.
pub fn wrong(arguments: &str, secret: &str, says: &[&str]) {
    let begun = Instant::now();
    let output: Output = skydiff(words(arguments));
    let took = begun.elapsed();
    let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(secret.is_empty() || !all.contains(secret), "{arguments}");
    let complained = complaint(output);
    println!("{:.1} s: {}", took.as_secs_f64(), complained.trim());
    assert_eq!(complained.lines().count(), 1, "{complained}");
    for word in says {
        assert!(complained.contains(word), "`{word}` is not in: {complained}");
    }
    assert!(took < SOON, "{took:?}: {complained}");
}

/// The bytes of a folder's files, sorted, and how many of them each partition has (by the names of the files).
pub fn saved(folder: &Path) -> (Vec<Vec<u8>>, BTreeMap<String, usize>) {
    let (mut bytes, mut partitions) = (Vec::new(), BTreeMap::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        *partitions.entry(name.split_once('-').unwrap().0.to_owned()).or_default() += 1;
        bytes.push(std::fs::read(path).unwrap());
    }
    bytes.sort();
    (bytes, partitions)
}
