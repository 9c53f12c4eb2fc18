//! A running job from outside: its health, its numbers, who holds it up; and what is noticed when a host freezes.

mod common;

use common::ztf::nights;
use common::{printed, skydiff};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A process of a job, what it logs, and where it is watched.
struct Watched {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(flags: &[&str]) -> Watched {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skydiff"));
    command.args(["run", "--from", "-", "--listen", "0", "--epoch", "packets=5"]).args(flags);
    command.env("SKYDIFF_SECRET", "a secret that nobody is told of");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (send, lines) = channel();
    let from = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || from.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let stdin = child.stdin.take();
    Watched { child, stdin, lines }
}

impl Watched {
    fn until(&self, wanted: &str) -> String {
        let mut heard = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(line) => heard.push(line),
                Err(_) => panic!("{wanted}: {heard:?}"),
            }
        }
    }

    fn port(&self) -> u16 {
        let line = self.until("serves /healthz");
        let rest = line.split("127.0.0.1:").nth(1).unwrap();
        rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
    }

    fn send(&mut self, packets: &[Vec<u8>]) {
        self.stdin.as_mut().unwrap().write_all(&packets.concat()).unwrap();
    }

    fn end(&mut self, patience: u64) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(patience) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it does not end");
    }
}

fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Asks again until it is so.
fn eventually(port: u16, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let (code, body) = get(port, path);
        if wanted(code, &body) {
            return body;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{path}: {code} {body}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("{name}: {metrics}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_running_job_tells_what_it_does() {
    let packets: Vec<_> = nights(51, 10).concat();
    let mut job = start(&["--workers", "2", "--log", "json"]);
    let port = job.port();
    // An epoch ends when the packet after it has come.
    job.send(&packets[..41]);
    let metrics = eventually(port, "/metrics", |_, body| body.contains("\nskydiff_packets_total 40\n"));
    assert!(value(&metrics, "skydiff_records_total{survey=\"ztf\",type=\"initial\",reason=\"new_data\"}") > 0.0);
    assert_eq!(value(&metrics, "skydiff_receipt_to_told_seconds_count"), 40.0);
    assert!(value(&metrics, "skydiff_sky_clock_age_seconds{survey=\"ztf\"}") > 86_400.0, "2024 is long ago");
    assert!(value(&metrics, "skydiff_measurements{survey=\"ztf\"}") > 0.0);
    let busy = |metrics: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with("skydiff_operator_busy_seconds_total{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let metrics = eventually(port, "/metrics", |_, body| busy(body) > 0.0);
    let arranged = metrics.lines().filter(|line| line.starts_with("skydiff_arranged_updates{")).count();
    assert!(arranged > 0, "histories are arranged: {metrics}");
    let status: Value = serde_json::from_str(&get(port, "/status").1).unwrap();
    let through = status["processes"][0]["workers"][0]["through"].as_u64().unwrap();
    assert_eq!(through, 8, "40 packets in epochs of 5: {status}");
    let (code, health) = get(port, "/healthz");
    assert_eq!((code, health.as_str()), (200, "well\n"), "it waits for the sky");
    let table = printed(skydiff(["status", &port.to_string()]));
    for word in ["well", "8 is the first not through", "packets     40", "ztf", "Read"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let json = printed(skydiff(["status", &format!("http://127.0.0.1:{port}/"), "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["processes"][0]["books"]["packets"], 40);
    drop(job.stdin.take());
    assert_eq!(job.end(30), Some(0));
    let nobody = skydiff(["status", &port.to_string()]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("--listen"));
}

#[test]
fn a_host_that_freezes_is_noticed() {
    let packets: Vec<_> = nights(52, 10).concat();
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = ports.map(|port| port.local_addr().unwrap().to_string()).join(",");
    let of = |process| start(&["--process", process, "--hosts", &hosts, "--log", "json", "--stall", "2"]);
    let (mut zero, mut one) = (of("0"), of("1"));
    let port = zero.port();
    let met: Value = serde_json::from_str(&zero.until("have met")).unwrap();
    assert_eq!((&met["level"], &met["process"]), (&"info".into(), &0.into()));
    zero.send(&packets[..21]);
    eventually(port, "/metrics", |_, body| body.contains("\nskydiff_packets_total 20\n"));
    let status = eventually(port, "/status", |_, body| {
        let status: Value = serde_json::from_str(body).unwrap();
        status["processes"].as_array().unwrap().len() == 2 && !status["processes"][1]["workers"][0].is_null()
    });
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["processes"][1]["workers"][0]["worker"], 1, "process 0 knows of all");
    let pid = one.child.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    zero.send(&packets[21..60]);
    let frozen = Instant::now();
    let why = eventually(port, "/healthz", |code, _| code == 503);
    assert!(why.contains("nothing has moved"), "{why}");
    assert_eq!(zero.end(30), Some(4));
    assert!(frozen.elapsed() < Duration::from_secs(25), "{:?}", frozen.elapsed());
    let line: Value = serde_json::from_str(&zero.until("has been silent")).unwrap();
    assert_eq!(line["level"], "error");
    assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
    assert_eq!(one.end(30), Some(4), "it finds itself alone");
    let rest: Vec<String> = zero.lines.iter().chain(one.lines.iter()).collect();
    assert!(rest.iter().all(|line| !line.contains("nobody is told of")), "{rest:?}");
}
