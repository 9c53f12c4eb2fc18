//! What workers say to each other outside the graph.

use std::cell::RefCell;
use std::rc::Rc;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::operators::{Exchange, Input, Inspect};
use timely::worker::Worker;

/// What worker 0 says, on every worker. All must build the same dataflows, and the others may not have been told.
pub(super) fn shared<T: timely::ExchangeData + Clone>(worker: &mut Worker, said: Option<T>) -> Option<T> {
    let heard = Rc::new(RefCell::new(None));
    let leads = worker.index() == 0;
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let heard = heard.clone();
        let (input, says) = scope.new_input::<Vec<T>>();
        says.broadcast().inspect(move |says| *heard.borrow_mut() = Some(says.clone()));
        input
    });
    said.filter(|_| leads).into_iter().for_each(|said| input.send(said));
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    heard.take()
}

/// Every worker's lines, sorted, on worker 0; none elsewhere.
pub(super) fn gather(worker: &mut Worker, lines: Vec<String>) -> Vec<String> {
    let gathered = Rc::new(RefCell::new(Vec::new()));
    let mut input = worker.dataflow::<u64, _, _>(|scope| {
        let gathered = gathered.clone();
        let (input, lines) = scope.new_input::<Vec<String>>();
        lines.exchange(|_: &String| 0).inspect(move |line: &String| gathered.borrow_mut().push(line.clone()));
        input
    });
    lines.into_iter().for_each(|line| input.send(line));
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    let mut lines = gathered.take();
    lines.sort_unstable();
    lines
}
