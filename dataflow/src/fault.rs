//! Where a process can be made to die: tests kill a job at the very step that they mean (`SKYDIFF_DIE=step:n`, the n-th time).
//!
//! In a release there is nothing of it.

/// A step.
#[inline]
pub fn at(step: &str) {
    #[cfg(debug_assertions)]
    debug::at(step);
    #[cfg(not(debug_assertions))]
    let _ = step;
}

/// A packet is about to be decoded: one that contains the text of `SKYDIFF_POISON` ends the process, as a fault of a decoder
/// would.
#[inline]
pub fn read(packet: &[u8]) {
    #[cfg(debug_assertions)]
    debug::read(packet);
    #[cfg(not(debug_assertions))]
    let _ = packet;
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WHERE: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);

    pub fn read(packet: &[u8]) {
        static POISON: OnceLock<Option<String>> = OnceLock::new();
        let Some(poison) = POISON.get_or_init(|| std::env::var("SKYDIFF_POISON").ok()) else { return };
        if packet.windows(poison.len().max(1)).any(|part| part == poison.as_bytes()) {
            eprintln!("dies of a packet");
            std::process::abort();
        }
    }

    pub fn at(step: &str) {
        let wanted = WHERE.get_or_init(|| {
            let text = std::env::var("SKYDIFF_DIE").ok()?;
            let (step, count) = text.split_once(':')?;
            Some((step.to_owned(), count.parse().ok()?))
        });
        let Some((wanted, count)) = wanted.as_ref().filter(|(wanted, _)| wanted == step) else { return };
        if COUNT.fetch_add(1, Ordering::SeqCst) + 1 == *count {
            eprintln!("dies at {wanted}");
            std::process::abort();
        }
    }
}
