//! What to do about an error of a store, as the end of a sentence that has said what failed.

use object_store::Error;
use std::io::{self, ErrorKind};

/// Of any error; empty where nothing can be advised.
pub(super) fn of(error: &Error) -> &'static str {
    if let Some(error) = of_system(error) {
        return of_disk(error);
    }
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "; the store refuses: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and whether they may \
             read and write there"
        }
        Error::NotFound { .. } => "; there is no such bucket: make it, or correct the URL",
        Error::Generic { store: "LocalFileSystem", .. } => "",
        Error::Generic { .. } => {
            "; is the store reached? AWS_ENDPOINT_URL says where it is (AWS_ALLOW_HTTP=true lets it be http://), and \
             without AWS_ACCESS_KEY_ID the machine's own role is asked for"
        }
        _ => "",
    }
}

/// Of an error of a file system.
pub(super) fn of_disk(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; the disk is full: make room and start again, which goes on behind the last manifest"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "; the file system is mounted read-only: mount it for writing, and start again"
        }
        ErrorKind::PermissionDenied => "; the folder may not be written by this user: change its owner or mode",
        _ => "",
    }
}

/// The error of the file system behind an error, if there is one.
fn of_system(error: &Error) -> Option<&io::Error> {
    let Error::Generic { store: "LocalFileSystem", .. } = error else { return None };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_has_a_remedy() {
        let wrapped =
            |kind: ErrorKind| Error::Generic { store: "LocalFileSystem", source: Box::new(io::Error::from(kind)) };
        assert!(of(&wrapped(ErrorKind::StorageFull)).contains("make room"));
        assert!(of(&wrapped(ErrorKind::ReadOnlyFilesystem)).contains("read-only"));
        assert_eq!(of(&wrapped(ErrorKind::NotADirectory)), "");
        assert!(of(&Error::Generic { store: "S3", source: "no route to host".into() }).contains("AWS_ENDPOINT_URL"));
        let missing = Error::NotFound { path: "x".into(), source: "404".into() };
        assert!(of(&missing).contains("no such bucket"));
    }
}
