//! What a fuzzer adds to the check of a target: limits on the memory and time that an input may
//! take.

use std::panic::PanicHookInfo;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

use crate::checks::TARGETS;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Makes the fuzzer ignore the panics that dnsweep expects: those of the decoder, which it catches
/// and reports as damage. Every other panic ends the fuzzer before it can be caught.
pub fn prepare() {
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        let in_decoder = panic.location().is_some_and(|location| location.file().contains("/evtx-0."));
        if in_decoder {
            eprintln!("caught: {panic}");
        } else {
            fatal(panic);
        }
    }));
}

/// Runs the check of the target `name` on an input. Fails if it exceeds the target's limits of
/// memory and time.
pub fn run(name: &str, data: &[u8]) {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else { panic!("no target {name}") };
    ALLOCATED.reset_peak_usage();
    let (memory, time) = (ALLOCATED.current_usage(), processor_time());
    (target.check)(data);
    let (memory, time) =
        (ALLOCATED.peak_usage().saturating_sub(memory), processor_time().saturating_sub(time));
    if std::env::var_os("SHOW_COST").is_some() {
        eprintln!("{} bytes: {} KiB of memory, {} ms", data.len(), memory >> 10, time.as_millis());
    }
    assert!(memory <= target.most_memory, "{memory} bytes of memory for {} of input", data.len());
    // Processor time is compared, because the machine may have other work.
    assert!(
        time <= Duration::from_secs(target.most_seconds),
        "{} ms for {} bytes of input",
        time.as_millis(),
        data.len()
    );
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
