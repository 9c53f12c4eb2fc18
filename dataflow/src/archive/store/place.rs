//! What a URL names: a folder, or a bucket with what it takes to talk to it.
//!
//! The client itself tries again only for seconds: a store has its own patience, and says what it waits for.

use object_store::ObjectStore;
use object_store::path::Path;
use std::fmt::Display;
use std::sync::Arc;

/// A place, and where in it an archive begins.
pub(super) type Place = (Arc<dyn ObjectStore>, Path);

/// The place that a URL, or a path, names. Of a file system the folder is made if need be. The error says what is wrong.
pub(super) fn place(place: &str) -> Result<Place, String> {
    let cannot = |why: &dyn Display| format!("archive {place}: {why}");
    if let Some(path) = place.strip_prefix("file://").or_else(|| (!place.contains("://")).then_some(place)) {
        let path = std::path::absolute(path).map_err(|error| cannot(&error))?;
        let made = std::fs::create_dir_all(&path);
        made.map_err(|error| cannot(&format!("the folder cannot be made: {error}{}", super::advice::of_disk(&error))))?;
        let store = object_store::local::LocalFileSystem::new_with_prefix(&path).map_err(|error| cannot(&error))?;
        return Ok((Arc::new(store), Path::default()));
    }
    let url = url::Url::parse(place).map_err(|error| cannot(&error))?;
    #[cfg(feature = "s3")]
    if matches!(url.scheme(), "s3" | "s3a") {
        return s3(&url).map_err(|error| cannot(&error));
    }
    let (store, root) = object_store::parse_url_opts(&url, environment()).map_err(|error| cannot(&error))?;
    Ok((Arc::from(store), root))
}

/// What the environment says of credentials and endpoints.
fn environment() -> impl Iterator<Item = (String, String)> {
    let known = ["AWS_", "GOOGLE_", "AZURE_"];
    let ours = move |(name, _): &(String, String)| known.iter().any(|begin| name.starts_with(begin));
    std::env::vars().filter(ours).map(|(name, value)| (name.to_ascii_lowercase(), value))
}

#[cfg(feature = "s3")]
fn s3(url: &url::Url) -> Result<Place, object_store::Error> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
    use object_store::{BackoffConfig, ClientOptions, RetryConfig};
    use std::time::Duration;

    let retry =
        RetryConfig { backoff: BackoffConfig::default(), max_retries: 3, retry_timeout: Duration::from_secs(5) };
    // The largest file is 128 MB before it is packed, and a link may be slow.
    let client = ClientOptions::new().with_timeout(Duration::from_secs(120));
    let mut builder = AmazonS3Builder::new().with_client_options(client);
    for (name, value) in environment() {
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_url(url.as_str()).with_retry(retry).with_conditional_put(S3ConditionalPut::ETagMatch);
    Ok((Arc::new(builder.build()?), Path::from_url_path(url.path())?))
}
