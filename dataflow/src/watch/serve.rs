//! The state of a process over HTTP: `/healthz`, `/metrics`, `/status`, and `/`, a page for people. Small, bounded, and of nobody's business but ours.
//!
//! One request a connection, a few connections at once, a short time for each: whoever sends slowly, or nothing, costs a
//! thread for two seconds. It only tells, and nothing of it is secret; but it is for those on duty, so a bare port is one of
//! this machine only.

use super::books::BOUNDS;
use super::{Watch, metrics};
use std::io::{self, Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many are answered at once.
const AT_ONCE: usize = 8;
/// How long a request may take to come, and its answer to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request.
const LONGEST: usize = 8192;

/// Serves on threads of its own until the process ends, and says where. `at` is a port, or an address and a port.
pub fn serve(at: &str, watch: Watch) -> io::Result<SocketAddr> {
    let place = if at.contains(':') { at.to_owned() } else { format!("127.0.0.1:{at}") };
    let listener = TcpListener::bind(&place).map_err(|error| {
        Error::new(error.kind(), format!("--listen {at}: nobody can be served at {place}: {error}"))
    })?;
    let address = listener.local_addr()?;
    std::thread::Builder::new().name("skydiff:serve".into()).spawn(move || {
        let open = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming().flatten() {
            // One too many is closed: a scraper tries again.
            if open.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (watch, one) = (watch.clone(), open.clone());
            let answer = move || {
                let _ = answer(stream, &watch);
                one.fetch_sub(1, Ordering::Relaxed);
            };
            if std::thread::Builder::new().name("skydiff:answer".into()).spawn(answer).is_err() {
                open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    })?;
    Ok(address)
}

/// The page that shows `/status`: it asks for nothing else, from nobody else.
fn page() -> String {
    include_str!("page.html").replace("BOUNDS", &format!("{BOUNDS:?}"))
}

fn answer(mut stream: TcpStream, watch: &Watch) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut more = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || request.len() > LONGEST {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut more)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&more[..count]),
        }
    }
    let head = String::from_utf8_lossy(&request);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (code, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/healthz") => {
            let health = watch.state().health;
            let code = if health.well { "200 OK" } else { "503 Service Unavailable" };
            (code, "text/plain; charset=utf-8", health.why + "\n")
        }
        ("GET" | "HEAD", "/metrics") => {
            ("200 OK", "text/plain; version=0.0.4; charset=utf-8", metrics::text(&watch.state()))
        }
        ("GET" | "HEAD", "/status") => {
            ("200 OK", "application/json", serde_json::to_string(&watch.status()).map_err(Error::other)? + "\n")
        }
        ("GET" | "HEAD", "/") => ("200 OK", "text/html; charset=utf-8", page()),
        ("GET" | "HEAD", _) => {
            let there = "there are /, /healthz, /metrics and /status\n";
            ("404 Not Found", "text/plain; charset=utf-8", there.to_owned())
        }
        _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", "this only tells: GET\n".to_owned()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {code}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    Ok(())
}
