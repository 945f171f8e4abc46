//! What a run promises: order, the end, waiting from any runtime, and that nothing is left behind.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::fake::Fake;
use super::sender::{Warnings, options, start};
use super::wait_until;
use crate::errors::Error;
use crate::metric::{Alert, Goal, Level, Metric};
use crate::run::Run;
use crate::settings::Mode;
use crate::wire::record::Kind;
use crate::{Stream, values, wire};

const TIMEOUT: Duration = Duration::from_secs(20);

fn begun() -> (Fake, Warnings, Run) {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    (fake, warnings, run)
}

#[test]
fn a_finished_run_takes_nothing_and_says_so() {
    let (_fake, _, run) = begun();
    run.finish(0).unwrap();
    let refused = [
        run.log([("n", 1)]),
        run.row([("n", 1)]).step(3).log(),
        run.config().set("a", 1),
        run.summary().set("a", 1),
        run.alert(Alert::new("title")),
        run.define_metric(Metric::new("n")),
    ];
    for result in refused {
        let Err(Error::Usage(sentence)) = result else { panic!("{result:?}") };
        assert!(sentence.contains("run run is finished"), "{sentence}");
    }
    assert_eq!(run.finish(1), Ok(()));
    assert_eq!(run.flush(TIMEOUT), Ok(()));
}

#[test]
fn nothing_is_left_behind_a_finished_run() {
    let (_fake, _, run) = begun();
    run.log([("n", 1)]).unwrap();
    run.finish(0).unwrap();
    // The thread, its runtime and all that they held are gone: nothing else has the shared part any more.
    assert_eq!(Arc::strong_count(&run.inner.shared), 1);
}

#[test]
fn the_last_clone_that_is_dropped_ends_the_run() {
    let (fake, _, run) = begun();
    let other = run.clone();
    drop(run);
    other.log([("n", 1)]).unwrap();
    drop(other);
    assert_eq!(fake.state(|state| state.finish.clone()), Some(wire::WriterFinish::default()));
    assert_eq!(fake.state(|state| state.ints("n")), [1]);
}

#[test]
fn a_panic_fails_the_run() {
    let (fake, _, run) = begun();
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let _run = run;
        std::panic::resume_unwind(Box::new("the training failed"));
    }));
    assert!(panicked.is_err());
    assert_eq!(fake.state(|state| state.finish.clone()).map(|finish| finish.exit_code), Some(1));
}

#[test]
fn blocking_calls_work_inside_of_an_async_runtime() {
    let (fake, _, run) = begun();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        run.log([("n", 1)]).unwrap();
        run.flush(TIMEOUT).unwrap();
        run.finish(0).unwrap();
    });
    assert!(fake.state(|state| state.finish.is_some()));
}

#[test]
fn waiting_works_in_any_async_runtime() {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (fake, _, run) = begun();
    let mut work = Box::pin(async {
        run.log([("n", 1)]).unwrap();
        run.flush_async(TIMEOUT).await.unwrap();
        run.flush_async(TIMEOUT).await.unwrap();
        run.finish_async(3).await.unwrap();
        run.finish_async(0).await.unwrap();
    });
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    while work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        std::thread::park();
    }
    assert_eq!(fake.state(|state| state.finish.clone()).map(|finish| finish.exit_code), Some(3));
}

#[test]
fn threads_may_log_at_once() {
    let (fake, _, run) = begun();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let run = &run;
            scope.spawn(move || {
                for number in 0..250 {
                    run.log([(format!("t{thread}"), number)]).unwrap();
                }
            });
        }
    });
    run.finish(0).unwrap();
    for thread in 0..4 {
        let logged = fake.state(|state| state.ints(&format!("t{thread}")));
        assert_eq!(logged, (0..250).collect::<Vec<_>>());
    }
}

#[test]
fn everything_said_keeps_its_order() {
    let (fake, _, run) = begun();
    run.log([("n", 1)]).unwrap();
    run.config().set("lr", values! { "first" => 0.5 }).unwrap();
    run.summary().update(values! { "best" => values! { "n" => 2 } }).unwrap();
    run.define_metric(Metric::new("n").summary("min, last").goal(Goal::Maximize).step_metric("epoch")).unwrap();
    run.alert(Alert::new("title").text("text").level(Level::Warn).wait(Duration::from_secs(60))).unwrap();
    write!(run.console(Stream::Stderr), "one\ntwo").unwrap();
    run.row([("n", 2)]).step(5).commit(true).log().unwrap();
    run.finish(0).unwrap();
    let records = fake.state(|state| state.records.clone());
    let kinds: Vec<_> = records.into_iter().filter_map(|record| record.kind).collect();
    let [
        Kind::Row(_),
        Kind::ConfigUpdate(config),
        Kind::SummaryUpdate(summary),
        Kind::MetricDefinition(definition),
        Kind::Alert(alert),
        Kind::ConsoleLines(one),
        Kind::Row(row),
        Kind::ConsoleLines(two),
        Kind::WriterFinish(_),
    ] = kinds.as_slice()
    else {
        panic!("{kinds:?}")
    };
    let json = wire::value::Kind::JsonValue(r#"{"first":0.5}"#.into());
    assert_eq!((config.set[0].key.as_str(), config.set[0].value.clone().unwrap().kind), ("lr", Some(json)));
    assert_eq!(summary.set[0].key, "best.n");
    assert_eq!(definition.summary_kinds, [wire::SummaryKind::Min as i32, wire::SummaryKind::Last as i32]);
    assert_eq!((definition.goal, definition.step_metric.as_str()), (wire::Goal::Maximize as i32, "epoch"));
    assert_eq!((alert.level, alert.wait_seconds), (wire::AlertLevel::Warn as i32, 60.0));
    assert_eq!((one.first_line, one.lines.as_slice()), (0, &["one".to_owned()][..]));
    assert_eq!((two.first_line, two.lines.as_slice()), (1, &["two".to_owned()][..]));
    assert_eq!((row.step, row.commit), (Some(5), Some(true)));
}

#[test]
fn definitions_and_alerts_that_cannot_be_are_refused() {
    let (_fake, _, run) = begun();
    assert!(matches!(run.alert(Alert::new("")), Err(Error::Usage(_))));
    assert!(matches!(run.alert(Alert::new("two\nlines")), Err(Error::Usage(_))));
    assert!(matches!(run.define_metric(Metric::new("")), Err(Error::Value(_))));
    assert!(matches!(run.define_metric(Metric::new("a*b")), Err(Error::Usage(_))));
    assert!(matches!(run.define_metric(Metric::new("a").summary("median")), Err(Error::Usage(_))));
    assert!(matches!("loud".parse::<Level>(), Err(Error::Usage(_))));
    assert_eq!("warn".parse(), Ok(Level::Warn));
    assert!(matches!("up".parse::<Goal>(), Err(Error::Usage(_))));
    run.finish(0).unwrap();
}

#[test]
fn a_negative_step_is_warned_of_and_not_kept() {
    let (fake, warnings, run) = begun();
    run.row([("n", 1)]).step(-3).log().unwrap();
    run.log([("n", 2)]).unwrap();
    run.finish(0).unwrap();
    assert_eq!(fake.state(|state| state.ints("n")), [2]);
    assert!(warnings.have("step is -3"), "{:?}", warnings.all());
}

#[test]
fn a_row_of_long_texts_is_cut_into_parts_of_one_step() {
    let (fake, _, run) = begun();
    let text = "x".repeat(1 << 20);
    let texts = (0..6).map(|number| (format!("t{number}"), text.as_str()));
    run.log(texts.collect::<Vec<_>>()).unwrap();
    run.log([("n", 1)]).unwrap();
    run.finish(0).unwrap();
    fake.state(|state| {
        let commits = state.records.iter().filter_map(|record| match &record.kind {
            Some(Kind::Row(row)) => Some((row.values.len(), row.commit)),
            _ => None,
        });
        let held = (1, Some(false));
        assert_eq!(commits.collect::<Vec<_>>(), [held, held, held, held, held, (1, None), (1, None)]);
    });
}

#[test]
fn a_disabled_run_checks_and_does_nothing() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    let run = start(options(&fake.folder, &warnings).mode(Mode::Disabled));
    run.log([("n", 1)]).unwrap();
    assert!(matches!(run.log([("", 1)]), Err(Error::Value(_))));
    run.flush(TIMEOUT).unwrap();
    run.finish(0).unwrap();
    assert!(matches!(run.log([("n", 1)]), Err(Error::Usage(_))));
    assert_eq!(run.url(), "");
    assert!(fake.state(|state| state.calls.is_empty()));
}

#[test]
fn a_run_dropped_by_its_own_warning_holds_up_nothing() {
    let fake = Fake::new();
    fake.state(|state| state.protocol_version = 2);
    let slot: Arc<std::sync::Mutex<Option<Run>>> = Arc::default();
    let (own, dropped) = (slot.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let told = dropped.clone();
    let run = start(options(&fake.folder, &Warnings::default()).on_warning(move |_| {
        let taken = own.lock().unwrap().take();
        drop(taken);
        told.store(true, std::sync::atomic::Ordering::SeqCst);
    }));
    *slot.lock().unwrap() = Some(run);
    wait_until("it is dropped", || dropped.load(std::sync::atomic::Ordering::SeqCst));
}

#[test]
fn a_warning_may_be_written_to_the_console() {
    let slot: Arc<std::sync::Mutex<Option<crate::Console>>> = Arc::default();
    let own = slot.clone();
    let folder = super::Folder::new();
    let quick = options(&folder, &Warnings::default()).buffer_bytes_max(0).finish_timeout(Duration::from_millis(50));
    let run = start(quick.on_warning(move |warning| {
        let console = own.lock().unwrap().clone();
        console.map(|mut console| writeln!(console, "{warning}"));
    }));
    *slot.lock().unwrap() = Some(run.console(Stream::Stderr));
    writeln!(run.console(Stream::Stdout), "dropped").unwrap();
    assert!(matches!(run.finish(0), Err(Error::Timeout(_))));
}

#[test]
fn the_address_of_the_page_is_known_once_a_daemon_has_answered() {
    let (_fake, _, run) = begun();
    run.flush(TIMEOUT).unwrap();
    wait_until("it is known", || !run.url().is_empty());
    assert_eq!(run.url(), "http://127.0.0.1:1/p/project/r/run");
    run.finish(0).unwrap();
}
