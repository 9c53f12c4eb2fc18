//! One process of a job, here or over ssh: started, heard, told to drain, ended.

use super::policy::End;
use crate::tied::DRAIN;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStdin, Command, Stdio};

/// How a process is to be started.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which process.
    pub process: usize,
    /// On which host; here, if on none.
    pub host: Option<String>,
    /// The words that start something on another host.
    pub ssh: Vec<String>,
    /// `skydiff` there.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What its environment has beside: secrets among it, so it never is on a command line.
    pub environment: Vec<(String, String)>,
}

/// A process that was started.
pub struct Child {
    child: std::process::Child,
    input: Option<ChildStdin>,
    ended: Option<End>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// Takes the environment from standard input, up to an empty line, and becomes the process.
const THERE: &str = "while IFS= read -r line && [ -n \"$line\" ]; do export \"$line\"; done; exec";

impl Order {
    /// Starts it.
    pub fn start(&self) -> io::Result<Child> {
        let mut command = match &self.host {
            None => {
                let mut command = Command::new(&self.program);
                command.args(&self.arguments).envs(self.environment.iter().cloned());
                command
            }
            Some(host) => {
                let (first, rest) = self.ssh.split_first().ok_or_else(|| io::Error::other("--ssh is empty"))?;
                let words = std::iter::once(&self.program).chain(&self.arguments).map(|word| quoted(word));
                let line = format!("{THERE} {}", words.collect::<Vec<_>>().join(" "));
                let mut command = Command::new(first);
                command.args(rest).arg(host).arg(line);
                command
            }
        };
        // A Ctrl-C at the terminal is for the launcher, which tells the others.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut input = child.stdin.take();
        if let (Some(input), true) = (&mut input, self.host.is_some()) {
            let lines: String = self.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            // One that has ended already is seen to have.
            let _ = input.write_all(format!("{lines}\n").as_bytes());
        }
        let process = self.process;
        let mut readers = Vec::new();
        // What process 0 prints is what the job prints; all else says whose it is.
        let prefix = if process == 0 { String::new() } else { format!("[{process}] ") };
        if let Some(out) = child.stdout.take() {
            readers.push(pass_on(out, prefix, false)?);
        }
        if let Some(error) = child.stderr.take() {
            readers.push(pass_on(error, format!("[{process}] "), true)?);
        }
        Ok(Child { child, input, ended: None, readers })
    }
}

impl Child {
    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<End> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            // A shell says of who was ended by a signal 128 and its number.
            let end = match (status.code(), status.signal()) {
                (Some(code @ (134 | 137 | 139 | 143)), _) => End::Signal(code - 128),
                (Some(code), _) => End::Code(code),
                (None, signal) => End::Signal(signal.unwrap_or(0)),
            };
            self.ended = Some(end);
        }
        self.ended
    }

    /// Asks for the job to be drained.
    pub fn drain(&mut self) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{DRAIN}");
        }
    }

    /// Ends it, whatever it does.
    pub fn kill(&mut self) {
        self.input = None;
        let _ = self.child.kill();
    }

    /// Its number on this machine.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.kill();
            let _ = self.child.wait();
        }
        // What it said last is worth most.
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

fn pass_on(
    from: impl Read + Send + 'static,
    prefix: String,
    is_error: bool,
) -> io::Result<std::thread::JoinHandle<()>> {
    let pass_on = move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(from.read_until(b'\n', &mut line), Ok(count) if count > 0) {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            let whole = [prefix.as_bytes(), &line].concat();
            // Nobody may be reading.
            let _ = if is_error { io::stderr().write_all(&whole) } else { io::stdout().write_all(&whole) };
            line.clear();
        }
    };
    std::thread::Builder::new().name("skydiff:pass".into()).spawn(pass_on)
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for word in ["plain", "two words", "", "it's", "$HOME `x` \"y\" \\", "a;b&c|d>e"] {
            let output = Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(word))).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
