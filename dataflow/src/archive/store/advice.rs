//! What to do about an error of a store, as the end of a sentence that has said what failed.

use object_store::Error;
use std::io::{self, ErrorKind};

/// What went wrong, in the words of the store where it has some.
pub(super) fn told(error: &Error) -> String {
    let text = error.to_string();
    let part = |tag: &str| {
        let from = text.find(&format!("<{tag}>"))? + tag.len() + 2;
        let to = from + text[from..].find(&format!("</{tag}>"))?;
        Some(&text[from..to])
    };
    // An S3 server explains itself at length, in XML.
    match part("Code").zip(part("Message")) {
        Some((code, message)) => format!("{code}: {message}"),
        None => text,
    }
}

/// The status of an HTTP answer that says no: of a listing the client tells it in words only.
fn status(error: &Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// Whether waiting may help: not against a missing bucket, wrong credentials, a read-only or full disk.
pub(super) fn may_pass(error: &Error) -> bool {
    match error {
        Error::Generic { store: "LocalFileSystem", .. } => false,
        Error::Generic { .. } => status(error).is_none_or(|status| status >= 500 || matches!(status, 408 | 409 | 429)),
        Error::JoinError { .. } => true,
        _ => false,
    }
}

/// Of any error; empty where nothing can be advised.
pub(super) fn of(error: &Error) -> &'static str {
    if let Some(error) = of_system(error) {
        return of_disk(error);
    }
    match (error, status(error)) {
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _)
        | (Error::Generic { .. }, Some(401 | 403)) => {
            "; the store refuses: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and whether they may \
             read and write there"
        }
        (Error::NotFound { .. }, _) | (Error::Generic { .. }, Some(404)) => {
            "; there is no such bucket: make it, or correct the URL"
        }
        (Error::Generic { store: "LocalFileSystem", .. }, _) => "",
        (Error::Generic { .. }, _) => {
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
        let says = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code><Message>It \
                    does not match</Message></Error>";
        let refused = Error::Generic { store: "S3", source: says.into() };
        assert!(of(&refused).contains("AWS_SECRET_ACCESS_KEY") && !may_pass(&refused));
        assert_eq!(told(&refused), "SignatureDoesNotMatch: It does not match");
        let busy = Error::Generic { store: "S3", source: "non-2xx status code: 503 Slow Down".into() };
        assert!(may_pass(&busy));
        let missing = Error::NotFound { path: "x".into(), source: "404".into() };
        assert!(of(&missing).contains("no such bucket"));
    }
}
