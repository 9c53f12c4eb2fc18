//! A schema registry for tests: the two requests of Confluent's that matter, on loopback, and a switch that makes it unwell.

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Answers `GET /schemas/ids/N` and `POST /subjects/S/versions`.
pub struct Registry {
    /// As a job file has it.
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    schemas: Mutex<BTreeMap<u32, String>>,
    unwell: AtomicBool,
    asked: AtomicUsize,
}

impl Registry {
    /// Empty, at a free port.
    pub fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let theirs = state.clone();
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = theirs.clone();
                std::thread::spawn(move || answer(&state, stream));
            }
        });
        Registry { url, state }
    }

    /// Has this schema under this id.
    pub fn put(&self, id: u32, schema: &str) {
        self.state.schemas.lock().unwrap().insert(id, schema.to_owned());
    }

    /// The schema of an id.
    pub fn schema(&self, id: u32) -> Option<String> {
        self.state.schemas.lock().unwrap().get(&id).cloned()
    }

    /// Answers every request with 503, or no longer.
    pub fn unwell(&self, unwell: bool) {
        self.state.unwell.store(unwell, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }
}

fn answer(state: &State, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut length) = (String::new(), 0);
    if reader.read_line(&mut request).is_err() {
        return;
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    state.asked.fetch_add(1, Ordering::Relaxed);
    let (status, answer) = match state.unwell.load(Ordering::Relaxed) {
        true => ("503 Service Unavailable", json!({"error_code": 50301, "message": "unwell"})),
        false => state.answer(&request, &body),
    };
    let answer = answer.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
}

impl State {
    fn answer(&self, request: &str, body: &[u8]) -> (&'static str, Json) {
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut schemas = self.schemas.lock().unwrap();
        let missing = ("404 Not Found", json!({"error_code": 40403, "message": "Schema not found"}));
        match (method, &parts[..]) {
            ("GET", ["schemas", "ids", id]) => {
                let schema = id.parse().ok().and_then(|id: u32| schemas.get(&id));
                schema.map_or(missing, |schema| ("200 OK", json!({ "schema": schema })))
            }
            ("POST", ["subjects", _, "versions"]) => {
                let body: Json = serde_json::from_slice(body).unwrap_or_default();
                let Some(schema) = body["schema"].as_str() else {
                    return ("422 Unprocessable Entity", json!({"error_code": 42201, "message": "no schema"}));
                };
                // The same schema has the same id, as with the real one.
                let known = schemas.iter().find(|(_, known)| *known == schema).map(|(id, _)| *id);
                let id = known.unwrap_or_else(|| schemas.keys().next_back().map_or(1, |last| last + 1));
                schemas.insert(id, schema.to_owned());
                ("200 OK", json!({ "id": id }))
            }
            _ => missing,
        }
    }
}
