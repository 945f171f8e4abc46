//! What a failed call means.

use tonic::{Code, Status};

use super::fake::status;
use crate::retry::{Verdict, judge, pause, sentence};

#[test]
fn each_line_of_the_table() {
    let gap = status(Code::OutOfRange, "SEQUENCE_GAP", &[("acknowledged_sequence", "41")]);
    let lines = [
        (Status::unavailable(""), Verdict::Again),
        (Status::deadline_exceeded(""), Verdict::Again),
        (Status::aborted(""), Verdict::Again),
        (Status::cancelled(""), Verdict::Again),
        (Status::unauthenticated(""), Verdict::Again),
        (gap, Verdict::Gap { acknowledged_sequence: 41 }),
        (status(Code::FailedPrecondition, "WRITER_NOT_FOUND", &[]), Verdict::UnknownWriter),
        (status(Code::InvalidArgument, "INVALID_ARGUMENT", &[]), Verdict::Refused),
        (status(Code::NotFound, "RUN_NOT_FOUND", &[]), Verdict::Refused),
        (status(Code::ResourceExhausted, "TOO_LARGE", &[]), Verdict::Refused),
        (Status::internal(""), Verdict::Once),
        (Status::unimplemented(""), Verdict::Once),
        // What the table does not have.
        (Status::out_of_range(""), Verdict::Refused),
        (status(Code::OutOfRange, "SEQUENCE_GAP", &[("acknowledged_sequence", "x")]), Verdict::Refused),
        (Status::failed_precondition(""), Verdict::Refused),
        (Status::with_details(Code::OutOfRange, "", "no message".into()), Verdict::Refused),
        (Status::unknown(""), Verdict::Again),
        (Status::permission_denied(""), Verdict::Refused),
    ];
    for (status, verdict) in lines {
        assert_eq!(judge(&status), verdict, "{status:?}");
    }
    // A connection that broke, whatever the library makes of it.
    let broken = Status::from_error(Box::new(std::io::Error::other("the pipe broke")));
    assert_eq!(judge(&broken), Verdict::Again);
    assert_eq!(sentence(&broken), "the pipe broke");
}

#[test]
fn pauses_grow_and_have_bounds() {
    for failure_count in 0..40 {
        for _ in 0..50 {
            let seconds = pause(failure_count, false).as_secs_f64();
            let middle = 0.1 * 2_f64.powi(failure_count as i32);
            assert!((0.1..=30.0).contains(&seconds), "{seconds}");
            assert!(seconds <= 1.26 * middle && seconds >= 0.74 * middle.min(30.0), "{failure_count}: {seconds}");
            assert!(pause(failure_count, true).as_secs_f64() <= 1.0);
        }
    }
}
