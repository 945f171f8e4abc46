//! Behind a finished run no thread and no file of the client is left; in a process of its own, where nothing else runs.

#![cfg(target_os = "linux")]

use std::time::Duration;

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("the folder of a process").count()
}

#[test]
fn a_finished_run_leaves_no_thread_and_no_file() {
    let store = std::env::temp_dir().join(format!("trackd-rust-leak-{}", std::process::id()));
    let before = (count("/proc/self/task"), count("/proc/self/fd"));
    for number in 0..20 {
        let run = trackd::Options::new()
            .store(&store)
            .start_daemon(false)
            .quiet(true)
            .finish_timeout(Duration::from_millis(20))
            .on_warning(|_| {})
            .init()
            .expect("a run");
        run.log([("n", number)]).expect("a row");
        let ended = if number % 2 == 0 { run.finish(0) } else { run.flush(Duration::from_millis(1)) };
        assert!(matches!(ended, Err(trackd::Error::Timeout(_))));
    }
    assert_eq!((count("/proc/self/task"), count("/proc/self/fd")), before);
}
