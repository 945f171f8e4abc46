//! Owns the one background task of a run: it finds the daemon, opens the run, sends batches and ends the run.
//!
//! One call at a time; what is sent is kept until it is acknowledged. What a failed call means is in `retry`.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;

use crate::connection::Connection;
use crate::endpoint::{self, Endpoint};
use crate::outbox::Ready;
use crate::records::set_sha256s;
use crate::retry::{self, Verdict};
use crate::settings::{Elsewhere, tell};
use crate::shared::Shared;
use crate::wire;

const PROTOCOL_VERSION: i32 = 1;
/// Rows gather for so long after the first.
const LINGER: Duration = Duration::from_millis(20);
/// Before the user is told that no daemon answers.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two starts of a daemon.
const START_INTERVAL: Duration = Duration::from_secs(10);
/// An object that no record refers to is kept for an hour: after half of it, it is sent again.
const OBJECT_AGE: Duration = Duration::from_secs(1800);

/// What the background task needs to know of its run.
pub(crate) struct Target {
    pub begin: wire::WriterBegin,
    pub store: PathBuf,
    pub elsewhere: Option<Elsewhere>,
    pub start_daemon: bool,
    pub life: Duration,
    pub quiet: bool,
}

pub(crate) struct Sender {
    target: Target,
    shared: Arc<Shared>,
    connection: Option<Connection>,
    /// Kept open, and nothing else: by that the daemon knows that this process runs on its host, and sees when it is gone.
    lock_file: Option<File>,
    is_open: bool,
    /// What is being sent; its first record has the sequence `sequence`.
    batch: VecDeque<Ready>,
    sequence: i64,
    /// Whether a batch was refused, and is sent record by record to find out which.
    is_one_by_one: bool,
    /// Whether a call that may be made once more was.
    was_repeated: bool,
    /// The sha256s of the objects of the first records of the batch, and when they were sent.
    objects: Option<(Vec<Vec<String>>, Instant)>,
    failure_count: u32,
    failing_since: Option<Instant>,
    has_warned: bool,
    has_warned_of_absence: bool,
    start_time: Option<Instant>,
    refusal: String,
}

/// Why a step was not done.
enum Trouble {
    /// It will be tried again.
    Again(String),
    /// The run cannot be tracked.
    Lost(String),
}

impl Sender {
    pub fn new(target: Target, shared: Arc<Shared>) -> Self {
        Self {
            target,
            shared,
            connection: None,
            lock_file: None,
            is_open: false,
            batch: VecDeque::new(),
            sequence: 1,
            is_one_by_one: false,
            was_repeated: false,
            objects: None,
            failure_count: 0,
            failing_since: None,
            has_warned: false,
            has_warned_of_absence: false,
            start_time: None,
            refusal: String::new(),
        }
    }

    /// Runs until the run has ended at the daemon, or cannot be tracked and is to end.
    pub async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(Trouble::Again(reason)) => {
                    self.connection = None;
                    self.pause(&reason).await;
                }
                Err(Trouble::Lost(reason)) => {
                    self.shared.lose(&reason);
                    let _ = self.shared.finish.subscribe().wait_for(Option::is_some).await;
                    return;
                }
            }
        }
    }

    /// Does what is next; returns whether it was the last.
    async fn step(&mut self) -> Result<bool, Trouble> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        if !self.is_open {
            self.open().await?;
        }
        if self.batch.is_empty() {
            if self.shared.finish.borrow().is_none() {
                self.recover();
            }
            self.wait().await;
            self.batch = self.shared.cut();
            self.is_one_by_one = false;
        }
        if self.batch.is_empty() {
            let finish = *self.shared.finish.borrow();
            return match finish {
                Some(finish) => self.finish(finish.exit_code).await.map(|()| true),
                None => self.show_life().await.map(|()| false),
            };
        }
        self.append().await?;
        Ok(false)
    }

    /// Waits until something is to be sent, and for what comes right behind it; or until a sign of life is due.
    async fn wait(&self) {
        let has_work = || !self.shared.outbox(|outbox| outbox.is_empty()) || self.shared.finish.borrow().is_some();
        let due = Instant::now() + self.target.life;
        while !has_work() {
            tokio::select! {
                () = self.shared.items.notified() => {}
                () = self.shared.hurry.notified() => {}
                () = tokio::time::sleep_until(due) => return,
            }
        }
        if !self.shared.is_hurried() && !self.shared.outbox(|outbox| outbox.fills_batch()) {
            let _ = tokio::time::timeout(LINGER, self.shared.hurry.notified()).await;
        }
    }

    async fn connect(&mut self) -> Result<Connection, Trouble> {
        let found = match &self.target.elsewhere {
            Some(elsewhere) => Some(Endpoint::from(elsewhere)),
            None => endpoint::read(&self.target.store),
        };
        let Some(found) = found else {
            self.start_daemon();
            return Err(Trouble::Again(format!("no daemon serves the store {}", self.target.store.display())));
        };
        let mut connection = match Connection::open(&found).await {
            Ok(connection) => connection,
            Err(error) => {
                if error.is_gone {
                    self.start_daemon();
                }
                return Err(Trouble::Again(error.reason));
            }
        };
        if self.target.elsewhere.is_none() {
            self.lock_file = File::open(self.target.store.join("daemon.lock")).ok();
        }
        match connection.get_daemon().await {
            Ok(daemon) => self.greet(&found, &daemon).map(|()| connection),
            Err(status) => Err(Trouble::Lost(self.judge(&status)?)),
        }
    }

    fn greet(&self, found: &Endpoint, daemon: &wire::GetDaemonResponse) -> Result<(), Trouble> {
        if daemon.protocol_version != PROTOCOL_VERSION {
            return Err(Trouble::Lost(format!(
                "the daemon is trackd {} and speaks protocol {}; this client speaks protocol {PROTOCOL_VERSION}: use a client and a daemon of one version",
                daemon.version, daemon.protocol_version
            )));
        }
        let address = if daemon.http_address.is_empty() { &found.http_address } else { &daemon.http_address };
        let is_first = self.shared.set_http_address(address);
        if is_first
            && !self.target.quiet
            && let Some(run) = &self.target.begin.run
        {
            tell(&format!("run {}: {}", run.run_id, endpoint::page(address, &run.project, &run.run_id)));
        }
        Ok(())
    }

    fn start_daemon(&mut self) {
        let is_recent = self.start_time.is_some_and(|time| time.elapsed() < START_INTERVAL);
        if !self.target.start_daemon || self.target.elsewhere.is_some() || is_recent {
            return;
        }
        self.start_time = Some(Instant::now());
        let problem = match endpoint::find_trackd(&std::env::var_os("PATH").unwrap_or_default()) {
            Some(trackd) => match endpoint::start(&trackd, &self.target.store) {
                Ok(()) => return,
                Err(error) => format!("{} cannot be run: {error}", trackd.display()),
            },
            None => "no daemon runs and there is no `trackd` on the PATH to start one".into(),
        };
        if !std::mem::replace(&mut self.has_warned_of_absence, true) {
            self.shared.warn(&format!(
                "{problem}: install it with `pip install trackd`, or run `trackd up --store {}`; until then what is logged waits in memory",
                self.target.store.display()
            ));
        }
    }

    async fn open(&mut self) -> Result<(), Trouble> {
        let begin = self.target.begin.clone();
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match connection.create_run(begin).await {
            Ok(_) => {
                self.is_open = true;
                self.was_repeated = false;
                Ok(())
            }
            Err(status) => {
                let reason = self.judge(&status)?;
                Err(Trouble::Lost(format!("the daemon refuses the run: {reason}")))
            }
        }
    }

    /// Makes the request to append the first records of the batch.
    fn request(&self, count: usize) -> wire::AppendRequest {
        wire::AppendRequest {
            run: self.target.begin.run.clone(),
            writer_id: self.target.begin.writer_id.clone(),
            source: Some(wire::append_request::Source::Batch(wire::RecordBatch {
                first_sequence: self.sequence,
                records: self.batch.iter().take(count).map(|ready| ready.record.clone()).collect(),
            })),
        }
    }

    /// Appends nothing: a run that says nothing for long would count as gone.
    async fn show_life(&mut self) -> Result<(), Trouble> {
        let request = self.request(0);
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match connection.append(request).await {
            Ok(_) => self.was_repeated = false,
            Err(status) => drop(self.judge(&status)?),
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), Trouble> {
        if !self.put_objects().await? {
            return Ok(());
        }
        let count = if self.is_one_by_one { 1 } else { self.batch.len() };
        let request = self.request(count);
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match connection.append(request).await {
            Ok(answer) => {
                self.was_repeated = false;
                if !self.target.quiet {
                    answer.new_alerts.iter().for_each(tell_alert);
                }
                if self.acknowledge(answer.acknowledged_sequence) == 0 {
                    return Err(Trouble::Again("the daemon has acknowledged nothing".into()));
                }
                self.recover();
                Ok(())
            }
            Err(status) => {
                let reason = self.judge(&status)?;
                if count > 1 {
                    self.is_one_by_one = true;
                } else {
                    self.drop_first(&reason);
                }
                Ok(())
            }
        }
    }

    /// Sends the objects of the batch before it, once; returns whether the batch may follow.
    async fn put_objects(&mut self) -> Result<bool, Trouble> {
        let (mut sha256s, time) = match self.objects.take() {
            Some((sha256s, time)) if time.elapsed() < OBJECT_AGE => (sha256s, time),
            _ => (Vec::new(), Instant::now()),
        };
        while sha256s.len() < self.batch.len() {
            let place = sha256s.len();
            let mut made = Vec::new();
            for object in self.batch[place].objects.clone() {
                let Some(connection) = &mut self.connection else { return Ok(false) };
                match connection.put_object(&object).await {
                    Ok(sha256) => made.push(sha256),
                    Err(status) => {
                        self.objects = Some((sha256s, time));
                        let reason = self.judge(&status)?;
                        self.drop_record(place, &reason);
                        return Ok(false);
                    }
                }
            }
            if !made.is_empty() {
                self.was_repeated = false;
                set_sha256s(&mut self.batch[place].record, &made);
            }
            sha256s.push(made);
        }
        self.objects = Some((sha256s, time));
        Ok(true)
    }

    async fn finish(&mut self, exit_code: i32) -> Result<(), Trouble> {
        let request = wire::FinishRunRequest {
            run: self.target.begin.run.clone(),
            writer_id: self.target.begin.writer_id.clone(),
            sequence: self.sequence,
            finish: Some(wire::WriterFinish { exit_code, ..Default::default() }),
        };
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match connection.finish_run(request).await {
            Ok(_) => Ok(()),
            Err(status) => {
                let reason = self.judge(&status)?;
                Err(Trouble::Lost(format!("the daemon does not end the run: {reason}")))
            }
        }
    }

    /// Judges a failed call: returns why it was refused, or the trouble when it is to be made again.
    fn judge(&mut self, status: &Status) -> Result<String, Trouble> {
        let sentence = retry::sentence(status);
        match retry::judge(status) {
            Verdict::Again => return Err(Trouble::Again(sentence)),
            Verdict::Once if !self.was_repeated => {
                self.was_repeated = true;
                return Err(Trouble::Again(sentence));
            }
            Verdict::Gap { acknowledged_sequence } => {
                if self.acknowledge(acknowledged_sequence) == 0 {
                    // What the daemon had acknowledged and has no more is gone; what is here goes on behind what it has.
                    self.sequence = acknowledged_sequence + 1;
                }
                return Err(Trouble::Again(sentence));
            }
            Verdict::UnknownWriter => {
                self.is_open = false;
                return Err(Trouble::Again(sentence));
            }
            Verdict::Once | Verdict::Refused => {}
        }
        self.was_repeated = false;
        Ok(sentence)
    }

    /// Notes what is durable; returns how many records of the batch that are.
    fn acknowledge(&mut self, sequence: i64) -> usize {
        let count = (sequence - self.sequence + 1).clamp(0, self.batch.len() as i64) as usize;
        let durable: Vec<Ready> = self.batch.drain(..count).collect();
        if let Some((sha256s, _)) = &mut self.objects {
            sha256s.drain(..count.min(sha256s.len()));
        }
        if self.batch.is_empty() {
            self.objects = None;
        }
        self.sequence += count as i64;
        self.shared.settle(&durable, true);
        count
    }

    fn drop_first(&mut self, reason: &str) {
        self.drop_record(0, reason);
    }

    /// Drops a record that the daemon refuses; the next one takes its sequence.
    fn drop_record(&mut self, place: usize, reason: &str) {
        let Some(refused) = self.batch.remove(place) else { return };
        if let Some((sha256s, _)) = &mut self.objects
            && place < sha256s.len()
        {
            sha256s.remove(place);
        }
        let count = refused.count;
        self.shared.settle(&[refused], false);
        // Once a sentence: a program that logs one bad value logs a million.
        if self.refusal != reason {
            self.refusal = reason.to_owned();
            self.shared.warn(&format!("the daemon has refused {count} of what was logged: {reason}"));
        }
    }

    /// Waits before the next try, and tells the user when it has been going on for a while.
    async fn pause(&mut self, reason: &str) {
        self.shared.set_problem(reason);
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= SILENCE && !std::mem::replace(&mut self.has_warned, true) {
            self.shared.warn(&format!("no daemon answers ({reason}); what is logged waits in memory until one does"));
        }
        let pause = retry::pause(self.failure_count, self.shared.is_hurried());
        self.failure_count += 1;
        let _ = tokio::time::timeout(pause, self.shared.hurry.notified()).await;
    }

    fn recover(&mut self) {
        self.failure_count = 0;
        self.failing_since = None;
        self.shared.set_problem("");
        if std::mem::take(&mut self.has_warned) {
            self.shared.warn("the daemon answers again");
        }
    }
}

fn tell_alert(alert: &wire::RunAlert) {
    let colon = if alert.text.is_empty() { "" } else { ": " };
    tell(&format!("alert: {}{colon}{}", alert.title, alert.text));
}
