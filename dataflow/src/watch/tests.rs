use super::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

fn operator(node: usize, name: &str, holds: Option<u64>) -> OperatorState {
    OperatorState { node, name: name.to_owned(), holds, ..OperatorState::default() }
}

fn worker(worker: usize, through: u64, operators: Vec<OperatorState>) -> WorkerState {
    WorkerState { worker, through: Some(through), operators, ..WorkerState::default() }
}

/// Epoch 9 is being put together, 4 is not through: worker 3 has not read its share, and the clock waits for it.
fn busy() -> Vec<State> {
    let zero = vec![
        worker(0, 4, vec![operator(1, "Feed", Some(9)), operator(2, "Read", Some(6)), operator(3, "Clock", Some(4))]),
        worker(1, 4, vec![operator(1, "Feed", None), operator(2, "Read", None), operator(3, "Clock", None)]),
    ];
    let one = vec![worker(3, 4, vec![operator(2, "Read", Some(4)), operator(3, "Clock", None)])];
    let state = |process, workers| State { process, processes: 2, workers, ..State::default() };
    vec![state(0, zero), state(1, one)]
}

#[test]
fn the_first_operator_in_the_graph_that_holds_the_oldest_epoch_holds_the_frontier() {
    let mut states = busy();
    let held = |states: &[State]| Status::of(states.to_vec()).held.unwrap();
    let expected = Held { epoch: 4, operator: "Read".into(), workers: vec![3] };
    assert_eq!(held(&states), expected);
    assert_eq!(expected.to_string(), "epoch 4 is held by Read on worker 3");
    states[1].workers[0].operators[0].holds = None;
    assert_eq!(held(&states).to_string(), "epoch 4 is held by Clock on worker 0");
    // Two messages were sent, one was taken.
    states[0].workers[0].operators[1].inbox = vec![(3, 2)];
    states[1].workers[0].operators[0].inbox = vec![(3, -1)];
    assert_eq!(held(&states).to_string(), "epoch 3 is on its way to Read");
    states[1].workers[0].operators[0].inbox = vec![(3, -2)];
    assert_eq!(held(&states).epoch, 4);
    assert_eq!(Status::of(vec![State::default()]).held, None);
}

#[test]
fn a_frontier_that_stands_still_is_a_failure_only_while_input_waits() {
    let stall = Duration::from_secs(60);
    let mut state = busy().remove(0);
    assert!(state.waits() && Health::of(&state, stall).well);
    state.still_seconds = 61.0;
    let health = Health::of(&state, stall);
    assert!(!health.well && health.why.contains("61 s: epoch 4 is held by Clock on worker 0"), "{}", health.why);
    for worker in &mut state.workers {
        worker.operators.iter_mut().for_each(|operator| operator.holds = operator.holds.map(|_| 9));
        worker.through = Some(9);
    }
    assert!(!state.waits() && Health::of(&state, stall).well, "it waits for the sky");
    state.partitions = vec![Partition { topic: "t".into(), partition: 0, position: 3, end: 4 }];
    assert!(!Health::of(&state, stall).well, "there is something to read");
    state.partitions[0].position = 4;
    state.workers[1].silent_seconds = 70.0;
    assert!(Health::of(&state, stall).why.contains("worker 1"));
}

fn ask(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn those_who_ask_are_answered_and_nobody_holds_the_others_up() {
    let watch = Watch::default();
    watch.start(About { job: "quo\"te".into(), processes: 2, ..About::default() });
    watch.strangers().count("rubbish");
    watch.book(|books| {
        books.packets = 12;
        books.from_receipt.add(0.3, 12);
        books.surveys.entry("ztf".into()).or_default().records = vec![("initial".into(), "new_data".into(), 7)];
    });
    watch.sealed(Epoch(5));
    watch.reached(Stage::Told, Epoch(4), Epoch(5));
    watch.stepped(Step::Drain, Duration::from_millis(40));
    watch.set_worker(busy().remove(0).workers.remove(0));
    watch.hear(1, &serde_json::to_vec(&busy().remove(1)).unwrap());
    watch.hear(2, b"of another version");
    let at = serve("0", watch.clone()).unwrap();
    assert!(at.ip().is_loopback(), "a bare port is this machine's");
    // Six who say nothing are there already.
    let _silent: Vec<_> = (0..6).map(|_| TcpStream::connect(at).unwrap()).collect();
    let health = ask(at, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200 OK") && health.ends_with("\r\n\r\nwell\n"), "{health}");
    let metrics = ask(at, "GET /metrics HTTP/1.0\r\n\r\n");
    for line in [
        "skydiff_build_info{version=\"0.1.0\",job=\"quo\\\"te\"} 1",
        "skydiff_packets_total 12",
        "skydiff_records_total{survey=\"ztf\",type=\"initial\",reason=\"new_data\"} 7",
        "skydiff_receipt_to_told_seconds_bucket{le=\"0.25\"} 0",
        "skydiff_receipt_to_told_seconds_bucket{le=\"0.5\"} 12",
        "skydiff_receipt_to_told_seconds_bucket{le=\"+Inf\"} 12",
        "skydiff_operator_holds_epoch{worker=\"0\",operator=\"Read\",node=\"2\"} 6",
        "skydiff_refused_connections_total{reason=\"rubbish\"} 1",
        "skydiff_through_epoch 4",
        "skydiff_epoch_stage_seconds_count{stage=\"told\"} 1",
        "skydiff_transaction_step_seconds_bucket{step=\"drain\",le=\"0.025\"} 0",
        "skydiff_transaction_step_seconds_bucket{step=\"drain\",le=\"0.05\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    let status = ask(at, "GET /status?now HTTP/1.1\r\n\r\n");
    let status: Status = serde_json::from_str(status.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(status.processes.len(), 2);
    assert_eq!(status.held.unwrap().workers, [3]);
    let page = ask(at, "GET / HTTP/1.1\r\n\r\n");
    assert!(page.contains("text/html") && page.contains("const bounds = [0.01, 0.025,"), "{page}");
    assert!(ask(at, "GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(ask(at, "POST /status HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    let head = ask(at, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}
