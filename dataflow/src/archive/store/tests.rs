//! Puts and claims over a store that fails: what is said to be durable is, and is ours.

use super::super::protocol::{Chain, Generation, Manifest, Verdict};
use super::Store;
use super::faulty::{Faults, Faulty};
use crate::archive::protocol::testing::manifest;
use bytes::Bytes;
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;

fn faulty(inner: &Arc<InMemory>, faults: Faults, seed: u64) -> Store {
    let faulty = Faulty::new(inner.clone(), faults, seed);
    Store::over(Arc::new(faulty), Duration::from_secs(6)).unwrap()
}

#[test]
fn what_is_committed_over_a_bad_line_is_there_once() {
    for seed in 0..3 {
        let inner = Arc::new(InMemory::new());
        let faults = Faults { fails: 30, loses: 30, delays: 20, truncates: 20, races: None };
        let store = faulty(&inner, faults, seed);
        let mut chain = Chain::default();
        for epoch in 0..8 {
            let manifest = manifest(epoch..=epoch, 1, chain.head().cloned());
            let bytes = Bytes::from(manifest.encode().unwrap());
            let verdict = store.wait(store.commit(&manifest.path(), &bytes, Generation(1)));
            assert_eq!(verdict, Ok(Verdict::Committed), "seed {seed}");
            chain.add(manifest.first, &bytes).unwrap();
            let path = format!("packets/{epoch}.parquet");
            store.wait(store.write(&path, Bytes::from_static(b"rows"))).unwrap();
            assert_eq!(store.wait(store.read(&path)).unwrap().unwrap(), "rows");
        }
        let listed = store.wait(store.list("manifests")).unwrap();
        assert_eq!(listed.len(), 8);
        let read = listed.iter().map(|listed| {
            let bytes = store.wait(store.read(&listed.path)).unwrap().unwrap();
            (Manifest::of_path(&listed.path).unwrap(), bytes.to_vec())
        });
        assert_eq!(Chain::of(read.collect()), Ok(chain), "seed {seed}");
    }
}

#[test]
fn who_comes_second_knows_by_whom() {
    let (ours, theirs) = (manifest(0..=1, 3, None), |generation| manifest(0..=0, generation, None).encode().unwrap());
    let bytes = Bytes::from(ours.encode().unwrap());
    for (generation, expected) in [(2, Verdict::Adopt(Generation(2))), (4, Verdict::Fenced(Generation(4)))] {
        let inner = Arc::new(InMemory::new());
        let faults = Faults { fails: 20, loses: 20, races: Some((100, theirs(generation))), ..Faults::default() };
        let store = faulty(&inner, faults, generation);
        assert_eq!(store.wait(store.commit(&ours.path(), &bytes, Generation(3))), Ok(expected));
    }
}

#[test]
fn what_cannot_be_helped_is_an_error_that_names_the_place() {
    let folder = std::env::temp_dir().join(format!("skydiff-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("packets"), b"a file where a folder should be").unwrap();
    let store = Store::open(folder.to_str().unwrap()).unwrap();
    let begun = std::time::Instant::now();
    let error = store.wait(store.write("packets/1/a.parquet", Bytes::from_static(b"x"))).unwrap_err();
    assert!(error.contains("packets/1/a.parquet") && error.contains("skydiff-store"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for that");
    assert_eq!(store.wait(store.read("nothing")), Ok(None));
    assert!(Store::open("ftp://x").unwrap_err().contains("ftp://x"));
    std::fs::remove_dir_all(&folder).unwrap();
}
