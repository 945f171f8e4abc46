//! Owns the error that the calls of this crate return.

use std::fmt;

/// Says what was wrong, in one sentence: the value seen, what is allowed, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The call makes no sense as it was made: a name that cannot be one, or a run that is finished.
    Usage(String),
    /// A value cannot be logged. What else the call was given is kept.
    Value(String),
    /// The time is over and what was logged is not known to be on the disk.
    Timeout(String),
    /// The daemon does not take the run, so nothing more of it is kept.
    Refused(String),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Error::Usage(sentence) | Error::Value(sentence) | Error::Timeout(sentence) | Error::Refused(sentence)) =
            self;
        formatter.write_str(sentence)
    }
}

impl std::error::Error for Error {}
