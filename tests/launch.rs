//! `skydiff launch`, and the wire between processes: the same answers in any number of processes, whoever dies or knocks.

mod common;

use common::ztf::{Random, name, nights, tar};
use common::{Folder, printed, skydiff};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_skydiff");

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn digest(output: Output) -> String {
    let text = printed(output);
    text.lines().last().and_then(|line| line.strip_prefix("digest ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn input(label: &str, seed: u64, objects: usize) -> Folder {
    let folder = Folder::new(label);
    for (night, packets) in nights(seed, objects).into_iter().enumerate() {
        folder.write(&format!("{}.tar", name(night)), &tar(&packets));
    }
    folder
}

fn start(arguments: &[&str], stdin: Stdio) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The lines that a process writes to standard error, as they come.
fn errors(child: &mut Child) -> Receiver<String> {
    let (send, lines) = channel();
    let from = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || from.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    lines
}

/// Waits for a line that has this in it.
fn until(lines: &Receiver<String>, wanted: &str) -> String {
    let mut heard = Vec::new();
    loop {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{wanted}: {heard:?}"));
        if line.contains(wanted) {
            return line;
        }
        heard.push(line);
    }
}

fn signal(name: &str, pid: &str) -> bool {
    Command::new("kill").args([name, pid]).stderr(Stdio::null()).status().unwrap().success()
}

fn ended(mut child: Child, patience: Duration) -> Output {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > patience {
            child.kill().unwrap();
            panic!("it does not end: {}", String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn any_number_of_processes_and_workers_comes_to_the_same_state() {
    let input = input("launch-same", 41, 20);
    let same = ["--from", text(&input.0), "--digest", "--epoch", "packets=17"];
    let expected = digest(skydiff([&["run"], &same[..]].concat()));
    for processes in ["1", "2", "4"] {
        for workers in ["1", "2"] {
            let launch = ["launch", "--processes", processes, "--", "--workers", workers];
            assert_eq!(digest(skydiff([&launch[..], &same].concat())), expected, "{processes} of {workers}");
        }
    }
}

#[test]
fn whoever_is_killed_comes_back_by_itself() {
    let (input, plain, launched) = (input("launch-kill", 42, 60), Folder::new("kill-plain"), Folder::new("kill-to"));
    let archives = [Folder::new("kill-arch-plain"), Folder::new("kill-arch")];
    let flags = |to: &'static str| ["--digest", "--epoch", "packets=2", "--workers", to];
    let of = |to: &Folder, archive: &Folder| {
        ["--from", text(&input.0), "--to", text(&to.0), "--archive", text(&archive.0)].map(str::to_owned)
    };
    let strs = |words: &[String]| words.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
    let plain_words = strs(&of(&plain, &archives[0]));
    let expected =
        digest(skydiff(["run"].iter().copied().chain(plain_words.iter().map(String::as_str)).chain(flags("1"))));
    let words = of(&launched, &archives[1]);
    let launch: Vec<&str> =
        ["launch", "--processes", "2", "--"].into_iter().chain(words.iter().map(String::as_str)).collect();
    let mut child = start(&[&launch[..], &flags("1")].concat(), Stdio::null());
    let lines = errors(&mut child);
    let mut random = Random(42);
    let mut killed = 0;
    for _ in 0..5 {
        let pids = [0, 1].map(|process| {
            let line = until(&lines, &format!("process {process} has started (pid "));
            line.split("(pid ").nth(1).unwrap().trim_end_matches(')').to_owned()
        });
        std::thread::sleep(Duration::from_millis(random.below(150) as u64));
        if child.try_wait().unwrap().is_some() || !signal("-KILL", &pids[random.below(2)]) {
            break;
        }
        killed += 1;
        until(&lines, "all start again in");
    }
    let output = ended(child, Duration::from_secs(300));
    assert!(killed >= 2, "it was killed {killed} times");
    assert_eq!(digest(output), expected, "killed {killed} times");
    for file in ["records.jsonl", "records.avro", "bindings.jsonl"] {
        let [one, two] = [&plain, &launched].map(|folder| std::fs::read(folder.0.join(file)).unwrap());
        assert!(one == two, "{file} after {killed} kills: {} and {} bytes", one.len(), two.len());
    }
}

#[test]
fn a_start_that_cannot_go_well_is_made_once_and_one_that_fails_again_and_again_is_given_up() {
    let folder = Folder::new("launch-refused");
    let job = folder.write("job.toml", b"[timescales]\nflarez = 7\n");
    let refused = skydiff(["launch", text(&job), "--processes", "2"]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{why}");
    assert!(why.contains("[0] skydiff:") && why.contains("did you mean") && !why.contains("start again"), "{why}");
    let failing = skydiff(["launch", "--program", "/bin/false", "--failures", "3", "--processes", "2"]);
    let why = String::from_utf8_lossy(&failing.stderr).into_owned();
    assert_eq!(failing.status.code(), Some(1), "{why}");
    assert_eq!(why.matches("all start again in").count(), 2, "{why}");
    assert!(why.contains("given up"), "{why}");
}

#[test]
fn a_launcher_that_is_asked_to_end_drains_and_one_that_is_killed_leaves_nobody() {
    let folder = Folder::new("launch-drain");
    let job = "[[source]]\nkind = \"simulate\"\n[source.simulate]\nnights = 40\nvisits = 100\nalerts = 500\n";
    let job = folder.write("job.toml", job.as_bytes());
    let launch = ["launch", text(&job), "--processes", "2", "--", "--epoch", "packets=100"];
    for (signal_name, code) in [("-TERM", Some(0)), ("-KILL", None)] {
        let mut child = start(&launch, Stdio::null());
        let lines = errors(&mut child);
        let pids = [0, 1].map(|process| {
            let line = until(&lines, &format!("process {process} has started (pid "));
            line.split("(pid ").nth(1).unwrap().trim_end_matches(')').to_owned()
        });
        until(&lines, "have met");
        std::thread::sleep(Duration::from_secs(2));
        assert!(child.try_wait().unwrap().is_none(), "there is more to read");
        assert!(signal(signal_name, &child.id().to_string()));
        let output = ended(child, Duration::from_secs(60));
        assert_eq!(output.status.code(), code);
        let begun = Instant::now();
        while pids.iter().any(|pid| signal("-0", pid)) && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!pids.iter().any(|pid| signal("-0", pid)), "after {signal_name} nobody is left");
        if code == Some(0) {
            assert!(String::from_utf8_lossy(&output.stdout).contains("It adds up."));
            until(&lines, "stopped before the end of the input");
        }
    }
}

/// Two processes by hand: the first reads standard input. Gives them, its input, and the port of the first.
fn by_hand(flags: &[&str]) -> ([Child; 2], std::process::ChildStdin, u16) {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = ports.map(|port| port.local_addr().unwrap().to_string());
    let port = hosts[0].rsplit_once(':').unwrap().1.parse().unwrap();
    let hosts = hosts.join(",");
    let of = |process: &str, stdin| {
        start(&[&["run", "--from", "-", "--process", process, "--hosts", &hosts], flags].concat(), stdin)
    };
    let mut children = [of("0", Stdio::piped()), of("1", Stdio::null())];
    let input = children[0].stdin.take().unwrap();
    (children, input, port)
}

#[test]
fn strangers_at_the_port_of_a_running_job_are_turned_away() {
    let packets: Vec<_> = nights(43, 20).concat();
    let flags = ["--digest", "--epoch", "packets=9", "--received", "2024-02-01"];
    let expected = digest(common::skydiff_with(&packets.concat(), &[&["run", "--from", "-"], &flags[..]].concat()));
    let ([mut zero, one], mut stdin, port) = by_hand(&flags);
    let lines = errors(&mut zero);
    let half = packets.len() / 2;
    stdin.write_all(&packets[..half].concat()).unwrap();
    until(&lines, "have met");
    for number in 0..1000 {
        let mut stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
        match number % 3 {
            0 => stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(),
            // The greeting of a version that had no secret.
            1 => stranger.write_all(&[7; 16]).unwrap(),
            _ => {}
        }
        if number == 1 {
            stranger.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            assert!(matches!(stranger.read(&mut [0; 64]), Ok(0) | Err(_)), "nothing is said to it");
        }
    }
    // Others of them have hung up meanwhile, which is said too.
    until(&lines, "no greeting of skydiff's");
    stdin.write_all(&packets[half..].concat()).unwrap();
    drop(stdin);
    assert_eq!(digest(ended(zero, Duration::from_secs(60))), expected);
    assert!(ended(one, Duration::from_secs(60)).status.success());
}

#[test]
fn a_signal_at_any_process_drains_all() {
    let packets: Vec<_> = nights(44, 10).concat();
    let ([mut zero, one], mut stdin, _) = by_hand(&["--epoch", "packets=5"]);
    let lines = errors(&mut zero);
    stdin.write_all(&packets[..40].concat()).unwrap();
    until(&lines, "have met");
    std::thread::sleep(Duration::from_secs(1));
    assert!(signal("-TERM", &one.id().to_string()), "at process 1");
    let zero = ended(zero, Duration::from_secs(30));
    assert!(printed(zero).contains("It adds up."));
    assert!(ended(one, Duration::from_secs(30)).status.success());
    drop(stdin);
}

#[test]
fn another_secret_is_refused_and_far_hosts_need_one() {
    let folder = Folder::new("launch-secret");
    let far = skydiff(["run", "--from", "/", "--process", "0", "--hosts", "localhost:1,node7:1"]);
    assert_eq!(far.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&far.stderr).contains("SKYDIFF_SECRET"));
    let secrets = ["one secret of the two", "another secret of them"]
        .map(|secret| text(&folder.write(&secret[..3], secret.as_bytes())).to_owned());
    let hosts = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = hosts.map(|port| port.local_addr().unwrap().to_string()).join(",");
    let of = |process: &str, secret: &str| {
        let flags =
            ["run", "--from", "-", "--patience", "4", "--process", process, "--hosts", &hosts, "--secret-file", secret];
        start(&flags, Stdio::null())
    };
    let (zero, one) = (of("0", &secrets[0]), of("1", &secrets[1]));
    let one = ended(one, Duration::from_secs(30));
    let why = String::from_utf8_lossy(&one.stderr).into_owned();
    assert!(one.status.code() == Some(2) && why.contains("another secret"), "{why}");
    let zero = ended(zero, Duration::from_secs(30));
    let why = String::from_utf8_lossy(&zero.stderr).into_owned();
    assert!(zero.status.code() == Some(1) && why.contains("refused a connection: another secret"), "{why}");
    assert!(!why.contains("one secret of the two"), "{why}");
}

#[test]
fn other_hosts_are_reached_without_telling_secrets_on_the_way() {
    let (input, folder) = (input("launch-ssh", 45, 15), Folder::new("launch-ssh-of"));
    let same = ["--from", text(&input.0), "--digest"];
    let expected = digest(skydiff([&["run"], &same[..]].concat()));
    // What ssh does, without the other host: says what it was given, and hands the words to a shell.
    let said = folder.0.join("said");
    let script = format!("echo \"$@\" >> {}\nshift\nexec sh -c \"$1\"\n", text(&said));
    let script = folder.write("ssh", script.as_bytes());
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let hosts = ports.map(|port| port.local_addr().unwrap().to_string()).join("\n");
    let hosts = folder.write("hosts", hosts.as_bytes());
    let ssh = format!("sh {}", text(&script));
    let launch = ["launch", "--hosts", text(&hosts), "--ssh", &ssh, "--"];
    let output = Command::new(BINARY).args(launch).args(same).env("SKYDIFF_SECRET", "not to be seen anywhere").output();
    assert_eq!(digest(output.unwrap()), expected);
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.matches("127.0.0.1 while").count() == 2 && !said.contains("not to be seen"), "{said}");
}

#[test]
fn what_is_written_for_others_is_what_they_read() {
    let folder = Folder::new("launch-files");
    let job = folder.write("ztf night.toml", b"[run]\nworkers = 3\n");
    let write = |kind: &str| printed(skydiff(["launch", text(&job), "-n", "4", kind, "--", "--archive", "s3://a/b c"]));
    let slurm = folder.write("job.sh", write("--slurm").as_bytes());
    assert!(Command::new("bash").arg("-n").arg(&slurm).status().unwrap().success());
    let slurm = std::fs::read_to_string(slurm).unwrap();
    for line in ["#SBATCH --ntasks=4", "#SBATCH --cpus-per-task=3", "--archive 's3://a/b c'"] {
        assert!(slurm.contains(line), "{line}: {slurm}");
    }
    let kubernetes = write("--kubernetes");
    for line in
        ["  replicas: 4", "    [run]", "\"--archive\", \"s3://a/b c\"", "  name: ztf-night-wire", "path: /healthz"]
    {
        assert!(kubernetes.contains(line), "{line}: {kubernetes}");
    }
    assert_ne!(kubernetes, write("--kubernetes"), "another secret each time");
    let systemd = write("--systemd");
    assert!(systemd.contains("RestartPreventExitStatus=2 3 5") && systemd.contains("\"s3://a/b c\""), "{systemd}");
}

/// A packet that kills whoever reads it is found by its place, kept as a reject, and the job comes to its end without it.
#[test]
fn a_packet_that_kills_the_job_again_and_again_is_found_and_set_aside() {
    let input = Folder::new("launch-poison");
    for (night, packets) in nights(45, 6).into_iter().enumerate().take(2) {
        input.write(&format!("{}.tar", name(night)), &tar(&packets));
    }
    let archive = Folder::new("poison-arch");
    let flags = ["--from", text(&input.0), "--archive", text(&archive.0), "--epoch", "packets=5", "--digest"];
    let poison = ("SKYDIFF_POISON", "ZTF24aaaaaab");
    let mut command = Command::new(BINARY);
    command.args(["launch", "--processes", "2", "--"]).args(flags).env(poison.0, poison.1);
    let output = ended(
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
        Duration::from_secs(300),
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("looked at one by one") && told.contains("it becomes a reject"), "{told}");
    let digest = digest(output);
    // Nothing but the object's packets is missing, and all of them are kept.
    let rejects = told.lines().filter(|line| line.contains("it becomes a reject")).count();
    for from in ["measurements", "packets"] {
        let again = ["replay", "--archive", text(&archive.0), "--from", from, "--digest"];
        assert_eq!(self::digest(skydiff(again)), digest, "{from}");
    }
    let why = printed(skydiff(["archive", "verify", "--archive", text(&archive.0)]));
    assert!(!why.is_empty());
    // By hand, on the same input without an archive: the first of them.
    let found =
        Command::new(BINARY).args(["probe", "--", "--from", text(&input.0)]).env(poison.0, poison.1).output().unwrap();
    let first = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.status.code(), Some(1), "{first}");
    assert!(told.contains(&format!("{}: whoever reads this packet", first.trim())), "{first}{told}");
    assert!(rejects >= 1);
    let well = skydiff(["probe", "--", "--from", text(&input.0)]);
    assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stderr));
}
