//! The table of errors, line by line, against a fake daemon.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tonic::{Code, Status};

use super::fake::{Fake, Fault, status};
use super::{Folder, wait_until};
use crate::errors::Error;
use crate::run::{Run, open};
use crate::settings::Options;
use crate::wire;
use crate::wire::record::Kind;
use crate::{Image, values};

const TIMEOUT: Duration = Duration::from_secs(20);

/// What a run has warned of.
#[derive(Clone, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn have(&self, part: &str) -> bool {
        self.all().iter().any(|warning| warning.contains(part))
    }
}

pub fn options(folder: &Folder, warnings: &Warnings) -> Options {
    let kept = warnings.clone();
    Options::new()
        .store(&folder.0)
        .project("project")
        .id("run")
        .quiet(true)
        .start_daemon(false)
        .finish_timeout(TIMEOUT)
        .on_warning(move |warning| kept.0.lock().unwrap().push(warning.into()))
}

/// Opens a run in an environment that says nothing.
pub fn start(options: Options) -> Run {
    open(options, &|name| (name == "TRACKD_CAPTURES").then(|| "none".into())).unwrap()
}

fn log_many(run: &Run, numbers: std::ops::Range<i64>) {
    for number in numbers {
        run.log([("n", number)]).unwrap();
    }
}

/// Logs ten rows to a daemon that fails as told and is found only then, finishes, and returns the daemon and the warnings.
fn tracked(faults: impl IntoIterator<Item = (&'static str, Fault)>) -> (Fake, Warnings) {
    let (fake, warnings) = (Fake::failing(faults), Warnings::default());
    fake.remove_endpoint();
    let run = start(options(&fake.folder, &warnings));
    log_many(&run, 0..10);
    fake.write_endpoint("secret");
    run.finish(0).unwrap();
    (fake, warnings)
}

fn assert_whole(fake: &Fake) {
    assert_eq!(fake.state(|state| state.ints("n")), (0..10).collect::<Vec<_>>());
    assert_eq!(fake.state(|state| state.finish.clone()), Some(wire::WriterFinish::default()));
}

#[test]
fn rows_of_one_key_set_become_one_record_and_the_run_ends_behind_it() {
    let (fake, warnings) = tracked([]);
    assert_whole(&fake);
    assert_eq!(warnings.all(), Vec::<String>::new());
    fake.state(|state| {
        assert_eq!(state.calls, ["GetDaemon", "CreateRun", "Append", "FinishRun"]);
        assert!(matches!(&state.records[0].kind, Some(Kind::RowColumns(_))));
        assert_eq!(state.records.len(), 2);
        let begin = &state.begins[0];
        assert_eq!(begin.writer_id.len(), 32);
        assert_eq!(begin.client, format!("rust {}", crate::VERSION));
        assert_eq!(begin.role, wire::WriterRole::Primary as i32);
        assert!(begin.process.as_ref().unwrap().arguments.is_empty());
        assert!(begin.settings.as_ref().unwrap().captures.is_empty());
    });
}

#[test]
fn what_may_be_made_again_is_made_again() {
    for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted, Code::Cancelled] {
        for method in ["GetDaemon", "CreateRun", "Append", "FinishRun"] {
            let (fake, warnings) = tracked([(method, Fault::Refuse(Status::new(code, "not now")))]);
            assert_whole(&fake);
            assert!(fake.state(|state| state.count(method)) >= 2, "{method}");
            assert_eq!(warnings.all(), Vec::<String>::new());
        }
    }
}

#[test]
fn a_silent_run_shows_that_it_lives_and_goes_on_as_if_it_had_not() {
    let refused = Fault::Refuse(Status::new(Code::InvalidArgument, "no"));
    let later = Fault::Refuse(Status::new(Code::Unavailable, "not now"));
    let (fake, warnings) = (Fake::failing([("Append", refused), ("Append", later)]), Warnings::default());
    let run = start(options(&fake.folder, &warnings).life(Duration::from_millis(20)));
    wait_until("signs of life", || fake.state(|state| state.count("Append")) >= 4);
    log_many(&run, 0..10);
    run.finish(0).unwrap();
    assert_whole(&fake);
    assert_eq!(warnings.all(), Vec::<String>::new());
}

#[test]
fn answers_that_are_lost_make_nothing_count_twice() {
    let methods = ["CreateRun", "Append", "FinishRun"];
    let (fake, _) = tracked(methods.map(|method| (method, Fault::LoseAnswer)));
    assert_whole(&fake);
}

#[test]
fn another_daemon_with_another_token_gets_what_the_first_did_not() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    log_many(&run, 0..5);
    run.flush(TIMEOUT).unwrap();
    let folder = fake.folder.clone();
    let records = fake.state(|state| state.records.clone());
    drop(fake);
    log_many(&run, 5..10);
    let next = Fake::with(folder, "another", &records);
    run.finish(0).unwrap();
    assert_whole(&next);
}

#[test]
fn a_token_that_is_refused_is_read_anew() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    fake.write_endpoint("old");
    let run = start(options(&fake.folder, &warnings));
    log_many(&run, 0..10);
    wait_until("it was refused", || fake.state(|state| !state.calls.is_empty()));
    fake.write_endpoint("secret");
    run.finish(0).unwrap();
    assert_whole(&fake);
}

#[test]
fn a_gap_is_filled_from_where_the_daemon_says() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    log_many(&run, 0..5);
    run.flush(TIMEOUT).unwrap();
    // The daemon has lost what it had acknowledged: there is nothing to be sent again, and the run goes on.
    fake.state(|state| state.records.clear());
    log_many(&run, 5..10);
    run.finish(0).unwrap();
    assert_eq!(fake.state(|state| state.ints("n")), (5..10).collect::<Vec<_>>());
    assert!(fake.state(|state| state.finish.is_some()));
}

#[test]
fn a_gap_that_names_a_part_of_the_batch_leaves_the_rest() {
    let gap = status(Code::OutOfRange, "SEQUENCE_GAP", &[("acknowledged_sequence", "0")]);
    let (fake, _) = tracked([("Append", Fault::Refuse(gap))]);
    assert_whole(&fake);
}

#[test]
fn a_writer_that_is_not_known_is_opened_again() {
    let unknown = || Fault::Refuse(status(Code::FailedPrecondition, "WRITER_NOT_FOUND", &[]));
    let (fake, _) = tracked([("Append", unknown()), ("FinishRun", unknown())]);
    assert_whole(&fake);
    fake.state(|state| {
        assert_eq!(state.begins.len(), 3);
        assert!(state.begins.iter().all(|begin| begin.writer_id == state.begins[0].writer_id));
    });
}

#[test]
fn a_fault_of_the_daemon_is_forgiven_once() {
    for code in [Code::Internal, Code::Unimplemented] {
        let fault = || Fault::Refuse(Status::new(code, "it is broken"));
        let (fake, _) = tracked([("CreateRun", fault()), ("Append", fault()), ("FinishRun", fault())]);
        assert_whole(&fake);
        let (fake, warnings) = tracked([("Append", fault()), ("Append", fault())]);
        assert_eq!(fake.state(|state| state.ints("n")), Vec::<i64>::new());
        assert!(warnings.have("has refused 10 of what was logged: it is broken"), "{:?}", warnings.all());
        assert!(warnings.have("10 were dropped"), "{:?}", warnings.all());
    }
}

#[test]
fn of_a_batch_that_is_refused_only_what_is_wrong_is_dropped() {
    for code in [Code::InvalidArgument, Code::ResourceExhausted, Code::NotFound] {
        let (fake, warnings) = (Fake::new(), Warnings::default());
        fake.state(|state| state.refused_key = Some(("bad", code)));
        let run = start(options(&fake.folder, &warnings));
        for number in 0..10 {
            run.log([("n", number)]).unwrap();
            run.log([(format!("m{number}"), number)]).unwrap();
            if number % 4 == 1 {
                run.log([("bad", number)]).unwrap();
            }
        }
        run.flush(TIMEOUT).unwrap();
        log_many(&run, 10..20);
        run.finish(0).unwrap();
        assert_eq!(fake.state(|state| state.ints("n")), (0..20).collect::<Vec<_>>());
        assert_eq!(fake.state(|state| state.ints("m9")), [9]);
        assert!(fake.state(|state| state.finish.is_some()));
        assert!(warnings.have("the fake says"), "{:?}", warnings.all());
        assert!(warnings.have("3 were dropped"), "{:?}", warnings.all());
    }
}

#[test]
fn a_run_that_is_refused_is_given_up_and_says_so() {
    let refusal = Fault::Refuse(status(Code::InvalidArgument, "INVALID_ARGUMENT", &[]));
    let (fake, warnings) = (Fake::failing([("CreateRun", refusal)]), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    log_many(&run, 0..10);
    wait_until("it is given up", || warnings.have("the daemon refuses the run: the fake says INVALID_ARGUMENT"));
    log_many(&run, 10..20);
    assert!(matches!(run.flush(TIMEOUT), Err(Error::Refused(_))));
    let Err(Error::Refused(sentence)) = run.finish(0) else { panic!("it was not kept") };
    assert!(sentence.contains("the fake says") && sentence.contains("20 were dropped"), "{sentence}");
    assert_eq!(warnings.all().len(), 1);
    assert_eq!(fake.state(|state| state.count("CreateRun")), 1);
}

#[test]
fn a_daemon_of_another_protocol_is_not_talked_to() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    fake.state(|state| state.protocol_version = 2);
    let run = start(options(&fake.folder, &warnings));
    let Err(Error::Refused(sentence)) = run.finish(0) else { panic!("it was not kept") };
    assert!(sentence.contains("speaks protocol 2"), "{sentence}");
    assert_eq!(fake.state(|state| state.calls.clone()), ["GetDaemon"]);
}

#[test]
fn what_is_not_acknowledged_yet_is_kept() {
    let (fake, warnings) = (Fake::failing([("Append", Fault::AcknowledgeOnly(2))]), Warnings::default());
    fake.remove_endpoint();
    let run = start(options(&fake.folder, &warnings));
    for number in 0..6 {
        run.log([(if number % 2 == 0 { "n" } else { "m" }, number)]).unwrap();
    }
    fake.write_endpoint("secret");
    run.finish(0).unwrap();
    fake.state(|state| {
        assert_eq!(state.ints("n"), [0, 2, 4]);
        assert_eq!(state.ints("m"), [1, 3, 5]);
        assert_eq!(state.count("Append"), 2);
    });
}

#[test]
fn a_large_record_is_sent_before_the_batch_that_names_it() {
    let unavailable = || Fault::Refuse(Status::unavailable("not now"));
    let faults = [("PutObject", unavailable()), ("Append", unavailable())];
    let (fake, warnings) = (Fake::failing(faults), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    let pixels = vec![7_u8; 1200 * 1000];
    let image = Image::from_pixels(&pixels, &[1200, 1000]).unwrap();
    run.log(values! { "n" => 0, "picture" => vec![image.clone(), image] }).unwrap();
    run.log([("n", 1)]).unwrap();
    run.finish(0).unwrap();
    fake.state(|state| {
        // Once refused, then both; not again with the batch that was refused.
        assert_eq!(state.count("PutObject"), 3);
        assert_eq!(state.objects, [pixels.clone(), pixels]);
        let text = format!("{:?}", state.records[0]);
        assert!(text.contains(&format!("{:064}", 1)) && text.contains(&format!("{:064}", 2)), "{text}");
        assert_eq!(state.ints("n"), [0, 1]);
    });
}

#[test]
fn a_large_record_that_is_refused_costs_nothing_else() {
    let refusal = || Fault::Refuse(status(Code::ResourceExhausted, "TOO_LARGE", &[]));
    let (fake, warnings) = (Fake::failing([("PutObject", refusal())]), Warnings::default());
    let run = start(options(&fake.folder, &warnings));
    run.log([("n", 0)]).unwrap();
    run.log([("picture", Image::from_pixels(&vec![7_u8; 2 << 20], &[1024, 2048]).unwrap())]).unwrap();
    run.log([("n", 1)]).unwrap();
    run.finish(0).unwrap();
    assert_eq!(fake.state(|state| state.ints("n")), [0, 1]);
    assert!(warnings.have("the fake says TOO_LARGE"), "{:?}", warnings.all());
}

#[test]
fn a_daemon_that_answers_nothing_holds_up_finish_for_its_time_only() {
    let (fake, warnings) = (Fake::failing([("Append", Fault::Hang)]), Warnings::default());
    let run = start(options(&fake.folder, &warnings).finish_timeout(Duration::from_millis(300)));
    log_many(&run, 0..10);
    let begin = Instant::now();
    assert!(matches!(run.flush(Duration::from_millis(100)), Err(Error::Timeout(_))));
    let Err(Error::Timeout(sentence)) = run.finish(0) else { panic!("nothing was acknowledged") };
    assert!(sentence.contains("10 records are not durable"), "{sentence}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(run.finish(0), Ok(()));
}

#[test]
fn a_full_buffer_drops_counts_and_says_so() {
    let (folder, warnings) = (Arc::new(Folder::new()), Warnings::default());
    let run = start(options(&folder, &warnings).buffer_bytes_max(4_800));
    log_many(&run, 0..1000);
    assert!(warnings.have("what is logged now is dropped"), "{:?}", warnings.all());
    assert_eq!(warnings.all().len(), 1);
    let fake = Fake::with(folder, "secret", &[]);
    run.flush(TIMEOUT).unwrap();
    run.log([("n", 1000)]).unwrap();
    assert!(warnings.have("900 were dropped meanwhile"), "{:?}", warnings.all());
    run.finish(0).unwrap();
    let expected: Vec<_> = (0..100).chain([1000]).collect();
    assert_eq!(fake.state(|state| state.ints("n")), expected);
    assert!(warnings.have("run run finished; 900 were dropped"), "{:?}", warnings.all());
}

#[test]
fn a_daemon_that_is_away_is_told_of_once_and_so_is_its_return() {
    let (folder, warnings) = (Arc::new(Folder::new()), Warnings::default());
    let run = start(options(&folder, &warnings));
    log_many(&run, 0..10);
    wait_until("it is told of", || warnings.have("no daemon answers"));
    let fake = Fake::with(folder, "secret", &[]);
    run.finish(0).unwrap();
    assert_whole(&fake);
    assert!(warnings.have("answers again"), "{:?}", warnings.all());
    assert_eq!(warnings.all().len(), 2);
}

#[test]
fn a_daemon_elsewhere_is_reached_by_its_address() {
    let (fake, warnings) = (Fake::new(), Warnings::default());
    let run = start(options(&Folder::new(), &warnings).address(&fake.address).token("secret"));
    log_many(&run, 0..10);
    run.finish(0).unwrap();
    assert_whole(&fake);
}
