//! Shared fate: what happens to one process of a job happens to all.

use std::sync::OnceLock;

/// With what a process ends because another has.
static CODE: OnceLock<i32> = OnceLock::new();

/// From now on a broken socket between processes ends this one with `code` and a sentence, and any other panic aborts it.
pub fn end_with_peers(code: i32) {
    let _ = CODE.set(code);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("timely communication error") {
            end(&format!("another process of the job has ended ({text})"));
        }
        hook(info);
        std::process::abort();
    }));
}

/// Ends this process because of another one.
pub fn end(why: &str) -> ! {
    tracing::error!("{why}");
    std::process::exit(CODE.get().copied().unwrap_or(1))
}
