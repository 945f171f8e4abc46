//! Owns what a failed call means: the table of errors of docs/protocol.md, and how long to wait before the next try.

use std::error::Error as _;
use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Status};

use crate::settings::random;
use crate::wire::{ErrorInfo, StatusDetails};

const PAUSE_SECONDS_MIN: f64 = 0.1;
const PAUSE_SECONDS_MAX: f64 = 30.0;
/// While flush or finish waits.
const HURRIED_PAUSE_SECONDS_MAX: f64 = 1.0;

/// What to do after a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make it again, after a pause and after reading the endpoint file anew.
    Again,
    /// Make it again once; then it is refused.
    Once,
    /// Send again from behind this sequence.
    Gap { acknowledged_sequence: i64 },
    /// Make it again after CreateRun.
    UnknownWriter,
    /// Do not make it again.
    Refused,
}

/// Judges a failed call.
pub(crate) fn judge(status: &Status) -> Verdict {
    // What broke below the call came from no daemon, whatever code it was given here.
    if status.source().is_some() {
        return Verdict::Again;
    }
    match status.code() {
        // UNKNOWN is what a connection that ends without a word reads as.
        Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled | Code::Unknown => Verdict::Again,
        Code::Unauthenticated => Verdict::Again,
        Code::Internal | Code::Unimplemented => Verdict::Once,
        Code::OutOfRange => {
            let info = error_info(status);
            let sequence = info.metadata.get("acknowledged_sequence").and_then(|text| text.parse().ok());
            match sequence {
                Some(acknowledged_sequence) if info.reason == "SEQUENCE_GAP" => Verdict::Gap { acknowledged_sequence },
                _ => Verdict::Refused,
            }
        }
        Code::FailedPrecondition if error_info(status).reason == "WRITER_NOT_FOUND" => Verdict::UnknownWriter,
        _ => Verdict::Refused,
    }
}

/// Returns what the daemon says of an error beside its sentence; empty when it says nothing.
fn error_info(status: &Status) -> ErrorInfo {
    let details = StatusDetails::decode(status.details()).unwrap_or_default().details;
    let info = details.into_iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo"));
    info.and_then(|any| ErrorInfo::decode(any.value.as_slice()).ok()).unwrap_or_default()
}

/// Returns the daemon's sentence, or what is known of a failure without one.
pub(crate) fn sentence(status: &Status) -> String {
    let mut deepest = status.source();
    while let Some(next) = deepest.and_then(|error| error.source()) {
        deepest = Some(next);
    }
    match deepest {
        Some(error) => error.to_string(),
        None if status.message().is_empty() => format!("{:?}", status.code()),
        None => status.message().to_owned(),
    }
}

/// Returns how long to wait after the failures in a row before, exponentially longer each time, with jitter.
pub(crate) fn pause(failure_count: u32, is_hurried: bool) -> Duration {
    let jitter = 0.75 + 0.5 * (u32::from_le_bytes(random()) as f64 / u32::MAX as f64);
    let longest = if is_hurried { HURRIED_PAUSE_SECONDS_MAX } else { PAUSE_SECONDS_MAX };
    let seconds = PAUSE_SECONDS_MIN * 2f64.powi(failure_count.min(16) as i32) * jitter;
    Duration::from_secs_f64(seconds.clamp(PAUSE_SECONDS_MIN, longest))
}
