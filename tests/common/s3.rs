//! A real S3 server (`scripts/s3 install` builds it), killed and started again as a test wants it, and a line to it on
//! which requests fail.

use super::Folder;
use super::archive::free_port;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A tool that `scripts/s3 install` has built. Without it the test is skipped, which is said, unless it must not be.
fn tool(name: &str) -> Option<PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("SKYDIFF_NEEDS_S3").is_none(), "no {}: scripts/s3 install", path.display());
    println!("skipped: no {}: `scripts/s3 install` builds it", path.display());
    None
}

/// A server on loopback, whose bucket `nights` is a folder.
pub struct Server {
    pub folder: Folder,
    pub port: u16,
    tool: PathBuf,
    child: Child,
}

impl Server {
    /// Starts one, if it is built.
    pub fn start(label: &str) -> Option<Server> {
        let (tool, folder, port) = (tool("versitygw")?, Folder::new(label), free_port());
        std::fs::create_dir_all(folder.0.join("nights")).unwrap();
        let child = serve(&tool, &folder, port, &[]);
        Some(Server { folder, port, tool, child })
    }

    /// Kills it as a power cut would, and starts it again after a while.
    pub fn restart(&mut self, flags: &[&str], after: Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::thread::sleep(after);
        self.child = serve(&self.tool, &self.folder, self.port, flags);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(tool: &PathBuf, folder: &Folder, port: u16, flags: &[&str]) -> Child {
    let mut command = Command::new(tool);
    command.env("ROOT_ACCESS_KEY", "skydiff").env("ROOT_SECRET_KEY", "skydiff-secret").arg("--quiet").args(flags);
    command.arg("--port").arg(format!("127.0.0.1:{port}")).arg("posix").arg(&folder.0);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    await_port(port);
    child
}

fn await_port(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing listens at {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `skydiff` as a client of what listens at a port.
pub fn client(port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", "skydiff").env("AWS_SECRET_ACCESS_KEY", "skydiff-secret");
    command.env("AWS_REGION", "us-east-1");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it.
pub fn skydiff_at(port: u16, arguments: &[&str]) -> Output {
    client(port, arguments).output().unwrap()
}

/// A line to a server on which three requests of ten fail with 503: half of them never arrive, half are done and the answer is
/// replaced. Answers its port, and how many failed so far.
pub fn bad_line(server: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, failed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
    let counter = failed.clone();
    std::thread::spawn(move || {
        let mut random = super::ztf::Random(41);
        for client in listener.incoming().flatten() {
            let (dice, counter) = (random.below(100), counter.clone());
            std::thread::spawn(move || {
                // Whoever hangs up meanwhile has its reasons.
                let _ = answer(client, server, dice, &counter);
            });
        }
    });
    (port, failed)
}

/// Answers one request, and closes the connection.
fn answer(mut client: TcpStream, server: u16, dice: usize, failed: &AtomicU64) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 1 << 16]);
    let end = loop {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    if header("expect:").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length: usize = header("content-length:").map_or(0, |length| length.parse().unwrap());
    while request.len() < end + length {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let mut answer = Vec::new();
    if dice >= 15 {
        let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
        upstream.write_all(&request[..end - 2])?;
        upstream.write_all(b"Connection: close\r\n\r\n")?;
        upstream.write_all(&request[end..])?;
        upstream.read_to_end(&mut answer)?;
    }
    if dice < 30 {
        failed.fetch_add(1, Ordering::Relaxed);
        answer = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    }
    client.write_all(&answer)
}

/// toxiproxy between a client and a server: what it does to the line is said over HTTP.
pub struct Line {
    pub port: u16,
    api: u16,
    child: Child,
}

impl Line {
    /// A line to a server, if the tool is built.
    pub fn to(server: u16) -> Option<Line> {
        let (tool, api, port) = (tool("toxiproxy")?, free_port(), free_port());
        let mut command = Command::new(tool);
        command.args(["-host", "127.0.0.1", "-port", &api.to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        await_port(api);
        let line = Line { port, api, child };
        let (listen, upstream) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{server}"));
        line.say("POST", "/proxies", &format!(r#"{{"name":"s3","listen":"{listen}","upstream":"{upstream}"}}"#));
        Some(line)
    }

    /// Lets something be wrong with it: `latency`, `bandwidth`, `reset_peer`, ...
    pub fn make(&self, toxic: &str, attributes: &str) {
        let body = format!(r#"{{"name":"{toxic}","type":"{toxic}","attributes":{attributes}}}"#);
        self.say("POST", "/proxies/s3/toxics", &body);
    }

    /// Mends that.
    pub fn mend(&self, toxic: &str) {
        self.say("DELETE", &format!("/proxies/s3/toxics/{toxic}"), "");
    }

    fn say(&self, verb: &str, path: &str, body: &str) {
        let mut api = TcpStream::connect(("127.0.0.1", self.api)).unwrap();
        let length = body.len();
        let head =
            format!("{verb} {path} HTTP/1.1\r\nHost: toxiproxy\r\nConnection: close\r\nContent-Length: {length}");
        api.write_all(format!("{head}\r\nContent-Type: application/json\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        api.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
