use super::door::{Door, Rules};
use super::greeting::{Challenged, HELLO, Hello, Identity, PROOF, Purpose, Verdict, dial};
use super::meet::{Met, meet};
use super::*;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Instant;

fn secret(text: &str) -> Secret {
    Secret::of(&text.repeat(16)).unwrap()
}

fn cluster(process: usize, hosts: &[String], patience: u64) -> Cluster {
    let patience = Duration::from_millis(patience);
    Cluster { process, hosts: hosts.to_vec(), patience, secret: secret("s"), ..Cluster::alone(1) }
}

/// Ports that nobody listens at just now.
fn hosts(count: usize) -> Vec<String> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
}

fn all_meet(clusters: &[Cluster], job: u64) -> Vec<io::Result<Met>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            clusters.iter().map(|cluster| scope.spawn(move || meet(cluster, job, Strangers::default()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn processes_meet() {
    let hosts = hosts(3);
    let clusters: Vec<_> = (0..3).map(|me| cluster(me, &hosts, 20_000)).collect();
    let met: Vec<Met> = all_meet(&clusters, 7).into_iter().map(Result::unwrap).collect();
    for (me, met) in met.iter().enumerate() {
        assert!(met.data.iter().enumerate().all(|(peer, socket)| socket.is_some() == (peer != me)));
    }
    assert_eq!(met[0].pulses.keys().collect::<Vec<_>>(), [&1, &2]);
    assert!(met[1].pulses.contains_key(&0) && met[2].pulses.contains_key(&0));
    assert!(met[1].run == met[0].run && met[2].run == met[0].run, "process 0 says which run it is");
}

#[test]
fn another_job_secret_or_start_is_refused() {
    let hosts = hosts(2);
    let with = |change: &dyn Fn(&mut Cluster)| {
        let mut other = cluster(1, &hosts, 1_000);
        change(&mut other);
        let first = Cluster { run: Some(RunId([1; 16])), ..cluster(0, &hosts, 3_000) };
        let strangers = Strangers::default();
        let refused = strangers.clone();
        let errors = std::thread::scope(|scope| {
            let zero = scope.spawn(|| meet(&first, 7, strangers).unwrap_err().to_string());
            let job = if other.workers == 9 { 8 } else { 7 };
            let other = &other;
            let one = scope.spawn(move || meet(other, job, Strangers::default()).unwrap_err());
            (zero.join().unwrap(), one.join().unwrap())
        });
        assert!(errors.0.contains("process 1") && errors.0.contains("did not come"), "{}", errors.0);
        (errors.1, refused.counts())
    };
    let (error, refused) = with(&|other| other.secret = secret("t"));
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("another secret"), "{error}");
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["secret"]);
    let (error, _) = with(&|other| other.workers = 9);
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("another job"), "{error}");
    let (error, refused) = with(&|other| other.run = Some(RunId([2; 16])));
    assert!(error.to_string().contains("another start of the job"), "{error}");
    assert!(refused["run"] > 1, "it may be that process 0 is the older one: it is tried again");
}

#[test]
fn who_does_not_come_is_named() {
    let hosts = hosts(2);
    let error = meet(&cluster(0, &hosts, 100), 7, Strangers::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains(&format!("process 1 ({})", hosts[1])), "{error}");
}

#[test]
fn one_who_goes_before_all_are_there_is_forgotten() {
    let hosts = hosts(3);
    let clusters: Vec<_> = (0..3).map(|me| cluster(me, &hosts, 20_000)).collect();
    std::thread::scope(|scope| {
        let zero = scope.spawn(|| meet(&clusters[0], 7, Strangers::default()).unwrap());
        let early = meet(&cluster(1, &hosts, 1_000), 7, Strangers::default());
        assert_eq!(early.unwrap_err().kind(), ErrorKind::TimedOut, "process 2 is not there");
        let one = scope.spawn(|| meet(&clusters[1], 7, Strangers::default()).unwrap());
        let two = scope.spawn(|| meet(&clusters[2], 7, Strangers::default()).unwrap());
        let met = [zero, one, two].map(|thread| thread.join().unwrap());
        // What is written at one end comes out at the other: these are the sockets of the living.
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            met[from].data[to].as_ref().unwrap().write_all(&[from as u8]).unwrap();
            let mut byte = [9];
            met[to].data[from].as_ref().unwrap().read_exact(&mut byte).unwrap();
            assert_eq!(byte, [from as u8]);
        }
    });
}

/// A door with nobody expected but process 1, and what was refused at it.
fn door() -> (std::net::SocketAddr, Door, std::sync::mpsc::Receiver<super::door::Arrival>, Strangers) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let own = Identity { process: 0, job: 7, secret: secret("s") };
    let rules = Arc::new(Rules::default());
    rules.set_run(Some(RunId([1; 16])));
    let (send, arrivals) = channel();
    let strangers = Strangers::default();
    let door = Door::open(listener, own, 2, rules, send, strangers.clone()).unwrap();
    (at, door, arrivals, strangers)
}

#[test]
fn strangers_are_turned_away_by_the_thousands_and_a_process_still_comes_in() {
    let (at, _door, arrivals, strangers) = door();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let (before, begun) = (threads(), Instant::now());
    let mut held = std::collections::VecDeque::new();
    for number in 0..10_000_u32 {
        let mut stream = TcpStream::connect(at).unwrap();
        match number % 4 {
            0 => {}
            1 => drop(stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
            2 => drop(stream.write_all(&number.to_be_bytes())),
            _ => drop(stream.write_all(b"skydiff2 but then not a word more")),
        }
        held.push_back(stream);
        // They stay for as long as they like, and their numbers are bounded by what this process may open.
        if held.len() > 200 {
            held.pop_front();
        }
        if number == 5_000 {
            let own = Identity { process: 1, job: 7, secret: secret("s") };
            let came = (0..50).any(|_| {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                matches!(dial(&mut stream, Purpose::Data, &own, 0, None), Ok((Verdict::Welcome, Some(_))))
            });
            assert!(came, "in the midst of them a process of the job comes in");
            assert!(threads() < before + 20, "{before} threads, and now {}", threads());
        }
    }
    assert_eq!(arrivals.recv_timeout(Duration::from_secs(5)).unwrap().process, 1);
    drop(held);
    while strangers.counts().values().sum::<u64>() < 9_999 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let counts = strangers.counts();
    assert!(counts["rubbish"] >= 2_000 && counts["crowd"] > 0, "{counts:?}");
    assert!(arrivals.try_recv().is_err(), "nobody else came in: {counts:?}");
}

/// Passes bytes on between who dials and who answers, and keeps what was dialled.
fn eavesdrop(to: std::net::SocketAddr) -> (std::net::SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut near, mut far) = (listener.accept().unwrap().0, TcpStream::connect(to).unwrap());
        let mut heard = vec![0; HELLO + PROOF];
        let mut challenge = [0; 32];
        near.read_exact(&mut heard[..HELLO]).unwrap();
        far.write_all(&heard[..HELLO]).unwrap();
        far.read_exact(&mut challenge).unwrap();
        near.write_all(&challenge).unwrap();
        near.read_exact(&mut heard[HELLO..]).unwrap();
        far.write_all(&heard[HELLO..]).unwrap();
        let _ = std::io::copy(&mut far, &mut near);
        heard
    });
    (at, thread)
}

#[test]
fn a_greeting_that_was_recorded_is_worth_nothing() {
    let (at, _door, arrivals, strangers) = door();
    let (tapped, recording) = eavesdrop(at);
    let own = Identity { process: 1, job: 7, secret: secret("s") };
    let mut stream = TcpStream::connect(tapped).unwrap();
    let (verdict, run) = dial(&mut stream, Purpose::Data, &own, 0, None).unwrap();
    assert_eq!((verdict, run), (Verdict::Welcome, Some(RunId([1; 16]))));
    drop((stream, arrivals.recv_timeout(Duration::from_secs(5)).unwrap()));
    let recorded = recording.join().unwrap();
    let mut replay = TcpStream::connect(at).unwrap();
    replay.write_all(&recorded[..HELLO]).unwrap();
    replay.read_exact(&mut [0; 32]).unwrap();
    replay.write_all(&recorded[HELLO..]).unwrap();
    let mut answer = Vec::new();
    replay.read_to_end(&mut answer).unwrap();
    assert_eq!(answer[0], 1, "another secret, as far as anybody can tell");
    assert!(answer[1..].iter().all(|byte| *byte == 0), "and nothing is told to it");
    assert_eq!(strangers.counts()["secret"], 1);
    assert!(arrivals.try_recv().is_err());
}

#[test]
fn every_bit_of_a_proof_counts() {
    let own = Identity { process: 0, job: 7, secret: secret("s") };
    let run = Some(RunId([1; 16]));
    let (near, far) = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    };
    let dialling = std::thread::spawn(move || {
        let own = Identity { process: 1, job: 7, secret: secret("s") };
        let mut near = near;
        dial(&mut near, Purpose::Pulse, &own, 0, run).unwrap()
    });
    let mut far = far;
    let mut hello = [0; HELLO];
    far.read_exact(&mut hello).unwrap();
    let hello = Hello::read(hello).unwrap();
    assert_eq!((hello.purpose, hello.from, hello.to), (Purpose::Pulse, 1, 0));
    let (challenged, bytes) = Challenged::new(hello).unwrap();
    far.write_all(&bytes).unwrap();
    let mut proof = [0; PROOF];
    far.read_exact(&mut proof).unwrap();
    for bit in 0..PROOF * 8 {
        let mut other = proof;
        other[bit / 8] ^= 1 << (bit % 8);
        let (verdict, answer) = challenged.judge(&other, &own, run, |_| unreachable!("bit {bit}"));
        assert!(verdict == Verdict::Secret && answer[1..] == [0; 48], "bit {bit}");
    }
    let (verdict, _) = challenged.judge(&proof, &own, Some(RunId([2; 16])), |_| unreachable!());
    assert_eq!(verdict, Verdict::Run);
    let (verdict, _) = challenged.judge(&proof, &own, None, |_| unreachable!());
    assert_eq!(verdict, Verdict::Later);
    let (_, mut answer) = challenged.judge(&proof, &own, run, |_| Verdict::Taken);
    far.write_all(&answer).unwrap();
    assert_eq!(dialling.join().unwrap(), (Verdict::Taken, run));
    answer[0] = 0;
    assert!(answer[17..].iter().any(|byte| *byte != 0));
}

#[test]
fn far_hosts_need_a_secret() {
    let of = |hosts: &[&str], secret: Secret| Cluster {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        secret,
        ..Cluster::alone(1)
    };
    let none = Secret::default;
    assert_eq!(of(&["localhost:1", "127.0.0.1:2", "[::1]:3"], none()).check(), Ok(()));
    let error = of(&["localhost:1", "node7:2"], none()).check().unwrap_err();
    assert!(error.contains("node7:2") && error.contains("SKYDIFF_SECRET"), "{error}");
    assert_eq!(of(&["localhost:1", "node7:2"], secret("s")).check(), Ok(()));
    let all = Cluster { bind: Some("0.0.0.0:1".into()), ..of(&["localhost:1", "localhost:2"], none()) };
    assert!(all.check().is_err());
    assert!(Cluster { process: 2, ..of(&["localhost:1", "localhost:2"], none()) }.check().is_err());
}
