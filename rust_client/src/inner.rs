//! Owns what all clones of a run share: how calls become records, and how the run ends.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::columns::{RowOptions, entries};
use crate::console::Lines;
use crate::entries::{Flat, Leaf, VALUE_BYTES_MAX};
use crate::errors::Error;
use crate::outbox::Outbox;
use crate::records::Draft;
use crate::settings::tell;
use crate::shared::{Finish, Shared, lock};
use crate::wire;
use crate::wire::record::Kind;
use crate::worker::{Reply, Worker};

/// What all clones of a run are.
pub(crate) struct Inner {
    pub project: String,
    pub id: String,
    pub quiet: bool,
    pub is_disabled: bool,
    pub finish_timeout: Duration,
    pub shared: Arc<Shared>,
    pub worker: Mutex<Option<Worker>>,
    pub console: Mutex<Lines>,
}

impl Inner {
    pub fn push_row(&self, flat: Flat, options: RowOptions) -> Result<(), Error> {
        let Flat { leaves, draft, problem, .. } = flat;
        if leaves.is_empty() && problem.is_some() {
            self.check_running("log")?;
        } else {
            let Draft { data, objects } = draft;
            let mut parts = parts(leaves);
            let last = parts.pop().unwrap_or_default();
            self.push("log", |outbox| {
                // Only a row of many long texts has several parts. They are of one step, and the last one ends it.
                let held = RowOptions { commit: options.step.is_none().then_some(false), ..options };
                let mut warnings: Vec<_> =
                    parts.into_iter().filter_map(|part| outbox.push_row(part, held, Vec::new(), Vec::new())).collect();
                warnings.extend(outbox.push_row(last, options, objects, data));
                warnings
            })?;
        }
        problem.map_or(Ok(()), Err)
    }

    pub fn push_config(&self, call: &str, leaves: Vec<(String, Leaf)>) -> Result<(), Error> {
        for part in parts(leaves).into_iter().filter(|part| !part.is_empty()) {
            self.push_kind(call, Kind::ConfigUpdate(wire::ConfigUpdate { set: entries(part), ..Default::default() }))?;
        }
        self.check_running(call)
    }

    pub fn push_summary(&self, flat: Flat) -> Result<(), Error> {
        self.check_running("summary")?;
        let now = now_unix_nanos();
        let mut parts = parts(flat.leaves);
        let last = parts.pop().unwrap_or_default();
        let made = |leaves| Kind::SummaryUpdate(wire::SummaryUpdate { set: entries(leaves), ..Default::default() });
        for part in parts {
            self.push_kind("summary", made(part))?;
        }
        if last.is_empty() {
            return Ok(());
        }
        let Draft { data, objects } = flat.draft;
        self.push("summary", |outbox| outbox.push_record(made(last), now, objects, data).into_iter().collect())
    }

    pub fn push_kind(&self, call: &str, kind: Kind) -> Result<(), Error> {
        let now = now_unix_nanos();
        self.push(call, |outbox| outbox.push_record(kind, now, Vec::new(), Vec::new()).into_iter().collect())
    }

    /// Has lines made and said in one go, so that their order is that of their numbers.
    pub fn push_console(&self, make: impl FnOnce(&mut Lines) -> Vec<wire::ConsoleLines>) {
        if self.is_disabled {
            return;
        }
        let warnings = {
            let mut lines = lock(&self.console);
            let (made, now) = (make(&mut lines), now_unix_nanos());
            self.shared.push(|outbox| made.into_iter().filter_map(|lines| outbox.push_lines(lines, now)).collect())
        };
        // Behind the lock: the user's function may write to the console.
        self.shared.warn_all(&warnings.unwrap_or_default());
    }

    fn push(&self, call: &str, put: impl FnOnce(&mut Outbox) -> Vec<String>) -> Result<(), Error> {
        if self.is_disabled {
            return self.check_running(call);
        }
        let warnings = self.shared.push(put).ok_or_else(|| self.finished_error(call))?;
        self.shared.warn_all(&warnings);
        Ok(())
    }

    pub fn check_running(&self, call: &str) -> Result<(), Error> {
        if self.shared.outbox(|outbox| outbox.has_ended()) { Err(self.finished_error(call)) } else { Ok(()) }
    }

    fn finished_error(&self, call: &str) -> Error {
        Error::Usage(format!(
            "run {} is finished: `{call}` needs a running run; call trackd::init for a new one",
            self.id
        ))
    }

    /// Begins to wait for all that was said; returns its last ticket.
    pub fn begin_flush(&self, timeout: Duration, reply: Reply) -> u64 {
        self.push_console(Lines::flush);
        let (ticket, is_settled) = self.shared.outbox(|outbox| (outbox.said(), outbox.is_settled(outbox.said())));
        if let Some(worker) = &*lock(&self.worker)
            && !is_settled
        {
            worker.begin_flush(ticket, timeout, reply);
        }
        ticket
    }

    pub fn flushed(&self, ticket: u64, timeout: Duration) -> Result<(), Error> {
        let (is_settled, waiting, lost) = self
            .shared
            .outbox(|outbox| (outbox.is_settled(ticket), outbox.waiting(), outbox.lost().map(str::to_owned)));
        match lost {
            Some(reason) => Err(Error::Refused(format!("run {} is not kept: {reason}", self.id))),
            None if is_settled => Ok(()),
            None => Err(Error::Timeout(format!(
                "{waiting} records of run {} are not durable within {:.3} s{}: wait longer, or see daemon.log in the store",
                self.id,
                timeout.as_secs_f64(),
                self.problem()
            ))),
        }
    }

    /// Begins to end the run; returns false when that was done already.
    pub fn begin_finish(&self, exit_code: i32) -> bool {
        self.push_console(Lines::flush);
        if !self.shared.outbox(Outbox::end) {
            return false;
        }
        let now = Instant::now();
        // A timeout that no clock can hold is none.
        let deadline = now.checked_add(self.finish_timeout).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        self.shared.hurried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.shared.finish.send_replace(Some(Finish { exit_code, deadline }));
        self.shared.hurry.notify_one();
        true
    }

    /// Says how the end went.
    pub fn finished(&self, is_done: bool) -> Result<(), Error> {
        let (waiting, dropped, lost) =
            self.shared.outbox(|outbox| (outbox.waiting(), outbox.dropped(), outbox.lost().map(str::to_owned)));
        let also = if dropped > 0 { format!("; {dropped} were dropped") } else { String::new() };
        if let Some(reason) = lost {
            return Err(Error::Refused(format!("run {} is not kept: {reason}{also}", self.id)));
        }
        if !is_done {
            return Err(Error::Timeout(format!(
                "run {} did not finish within {:.3} s{}: {waiting} records are not durable{also}; set a longer finish_timeout, or see daemon.log in the store",
                self.id,
                self.finish_timeout.as_secs_f64(),
                self.problem()
            )));
        }
        if dropped > 0 {
            self.shared.warn(&format!("run {} finished{also}", self.id));
        } else if !self.quiet {
            tell(&format!("run {} finished", self.id));
        }
        Ok(())
    }

    fn problem(&self) -> String {
        let problem = self.shared.problem();
        if problem.is_empty() { problem } else { format!(" ({problem})") }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.begin_finish(i32::from(std::thread::panicking())) {
            return;
        }
        let worker = lock(&self.worker).take();
        let is_done = worker.is_none_or(|worker| worker.wait(self.finish_timeout));
        if let Err(error) = self.finished(is_done) {
            self.shared.warn(&error.to_string());
        }
    }
}

/// Cuts values into as many parts as messages need; nearly always one. Typed records are in the last, which has the data.
fn parts(leaves: Vec<(String, Leaf)>) -> Vec<Vec<(String, Leaf)>> {
    let size_bytes = |(key, leaf): &(String, Leaf)| key.len() + leaf.size_bytes();
    if leaves.iter().map(size_bytes).sum::<usize>() <= VALUE_BYTES_MAX {
        return vec![leaves];
    }
    let (records, plain): (Vec<_>, Vec<_>) = leaves.into_iter().partition(|(_, leaf)| matches!(leaf, Leaf::Record(_)));
    let mut parts: Vec<Vec<(String, Leaf)>> = Vec::new();
    let mut room = 0;
    for entry in plain {
        match parts.last_mut() {
            Some(part) if size_bytes(&entry) <= room => {
                room -= size_bytes(&entry);
                part.push(entry);
            }
            _ => {
                room = VALUE_BYTES_MAX.saturating_sub(size_bytes(&entry));
                parts.push(vec![entry]);
            }
        }
    }
    if !records.is_empty() {
        parts.push(records);
    }
    parts
}

pub(crate) fn now_unix_nanos() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as i64)
}
