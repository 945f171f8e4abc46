//! Owns what the callers' threads and the background thread share.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::outbox::{Outbox, Ready};
use crate::settings::OnWarning;

/// How a run is to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    pub exit_code: i32,
    pub deadline: Instant,
}

/// What the callers' threads and the background thread share.
pub(crate) struct Shared {
    outbox: Mutex<Outbox>,
    http_address: Mutex<String>,
    /// Told when something waits where nothing did.
    pub items: Notify,
    /// Told when somebody begins to wait: then nothing is put off.
    pub hurry: Notify,
    /// How many wait in flush or finish.
    pub hurried: AtomicUsize,
    /// Told when something has become durable, or was dropped.
    pub progress: watch::Sender<()>,
    pub finish: watch::Sender<Option<Finish>>,
    /// Why the last call failed; empty when it did not.
    problem: Mutex<String>,
    on_warning: OnWarning,
}

impl Shared {
    pub fn new(buffer_bytes_max: usize, on_warning: OnWarning) -> Self {
        Self {
            outbox: Mutex::new(Outbox::new(buffer_bytes_max)),
            http_address: Mutex::default(),
            items: Notify::new(),
            hurry: Notify::new(),
            hurried: AtomicUsize::new(0),
            progress: watch::Sender::new(()),
            finish: watch::Sender::new(None),
            problem: Mutex::default(),
            on_warning,
        }
    }

    /// Does something with the outbox. Not to be nested, and nothing is told to the user meanwhile.
    pub fn outbox<R>(&self, act: impl FnOnce(&mut Outbox) -> R) -> R {
        act(&mut lock(&self.outbox))
    }

    /// Has something put into the outbox and wakes the background thread; returns what to warn of. Returns none, doing nothing,
    /// when the run has ended.
    pub fn push(&self, put: impl FnOnce(&mut Outbox) -> Vec<String>) -> Option<Vec<String>> {
        let (warnings, is_news) = self.outbox(|outbox| {
            let was_empty = outbox.is_empty();
            (!outbox.has_ended()).then(|| (put(outbox), was_empty && !outbox.is_empty()))
        })?;
        if is_news {
            self.items.notify_one();
        }
        Some(warnings)
    }

    /// Tells the user.
    pub fn warn_all(&self, warnings: &[String]) {
        warnings.iter().for_each(|warning| self.warn(warning));
    }

    /// Notes what has become of records.
    pub fn settle(&self, records: &[Ready], is_durable: bool) {
        self.outbox(|outbox| records.iter().for_each(|record| outbox.settle(record, is_durable)));
        self.progress.send_replace(());
    }

    /// Drops all that waits: the run cannot be tracked.
    pub fn lose(&self, reason: &str) {
        self.outbox(|outbox| outbox.lose(reason));
        self.progress.send_replace(());
        self.warn(&format!("{reason}; nothing more of this run is kept"));
    }

    pub fn cut(&self) -> VecDeque<Ready> {
        self.outbox(Outbox::cut)
    }

    pub fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::SeqCst) > 0
    }

    pub fn http_address(&self) -> String {
        lock(&self.http_address).clone()
    }

    /// Notes the address of the web app; returns whether none was known before.
    pub fn set_http_address(&self, address: &str) -> bool {
        let mut known = lock(&self.http_address);
        let is_first = known.is_empty() && !address.is_empty();
        known.replace_range(.., address);
        is_first
    }

    pub fn problem(&self) -> String {
        lock(&self.problem).clone()
    }

    pub fn set_problem(&self, problem: &str) {
        lock(&self.problem).replace_range(.., problem);
    }

    /// Tells the user; what the user's own function does cannot hurt the caller.
    pub fn warn(&self, sentence: &str) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.on_warning)(sentence)));
    }
}

/// Locks what no panic can leave half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
