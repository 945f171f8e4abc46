//! Owns `Run`: what a person holds while training.
//!
//! Every call turns into records in the outbox and returns; the background thread does the rest. `log` fails only for values that
//! are none, or on a finished run, never because of daemon or network.

use std::io;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::columns::RowOptions;
use crate::console::Stream;
use crate::endpoint;
use crate::entries;
use crate::errors::Error;
use crate::inner::{Inner, now_unix_nanos};
use crate::metric::{Alert, Metric};
use crate::process;
use crate::sender::Target;
use crate::settings::{Mode, Options, Settings};
use crate::shared::{Shared, lock};
use crate::values::{Value, Values};
use crate::worker::{Reply, Worker};

/// A run of an experiment, made by [`init`]; its clones are the same run.
///
/// All calls but `flush` and `finish` return at once. When the last clone is dropped without `finish`, the run is finished, with the
/// exit code 1 where the thread is panicking, else 0; that takes as long as `finish` may.
#[derive(Clone)]
pub struct Run {
    pub(crate) inner: Arc<Inner>,
}

/// Opens a run, and returns at once: finding the daemon, or starting one, happens in the background.
///
/// # Errors
///
/// [`Error::Usage`] when a name cannot be one or the mode is none of this client's, [`Error::Value`] when a value of the config
/// cannot be kept.
pub fn init(options: Options) -> Result<Run, Error> {
    open(options, &|name| std::env::var(name).ok())
}

/// Opens a run in an environment.
pub(crate) fn open(options: Options, environment: &dyn Fn(&str) -> Option<String>) -> Result<Run, Error> {
    let mut settings = Settings::new(options, environment)?;
    let config = entries::plain(std::mem::take(&mut settings.config));
    if let Some(problem) = config.problem {
        return Err(problem);
    }
    let shared = Arc::new(Shared::new(settings.buffer_bytes_max, settings.on_warning.clone()));
    let is_disabled = settings.mode == Mode::Disabled;
    let inner = Inner {
        project: settings.project.clone(),
        id: settings.id.clone(),
        quiet: settings.quiet || is_disabled,
        is_disabled,
        finish_timeout: settings.finish_timeout,
        shared: shared.clone(),
        worker: Mutex::new(None),
        console: Mutex::default(),
    };
    if settings.captures_anything {
        inner.push_kind("init", process::environment(settings.elsewhere.is_none()))?;
    }
    inner.push_config("init", config.leaves)?;
    if !is_disabled {
        let target = Target {
            begin: process::begin(&settings),
            store: settings.store,
            elsewhere: settings.elsewhere,
            start_daemon: settings.start_daemon,
            life: settings.life,
            quiet: settings.quiet,
        };
        match Worker::start(target, &shared) {
            Ok(worker) => *lock(&inner.worker) = Some(worker),
            Err(error) => shared.lose(&format!("the background thread cannot be started: {error}")),
        }
    }
    Ok(Run { inner: Arc::new(inner) })
}

impl Run {
    /// Logs a row of values, which gets the next step; the same as `run.row(values).log()`.
    ///
    /// Maps become dotted names. Numbers, truth values and texts are kept as they are; null, lists and lists of mixed kinds as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when a name is empty, longer than 512 bytes or trackd's own, or a value cannot be logged; the other values
    /// of the row are kept. [`Error::Usage`] when the run is finished.
    pub fn log(&self, values: impl Into<Values>) -> Result<(), Error> {
        self.row(values).log()
    }

    /// Begins a row that says of which step it is: `run.row([("loss", 0.3)]).step(5).log()`.
    pub fn row(&self, values: impl Into<Values>) -> Row<'_> {
        Row { inner: &self.inner, values: values.into(), step: None, commit: None }
    }

    /// Returns the config, for changes.
    #[must_use]
    pub fn config(&self) -> Config<'_> {
        Config { inner: &self.inner }
    }

    /// Returns the summary, for values set by hand.
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        Summary { inner: &self.inner }
    }

    /// Defines how a metric is drawn and summarised.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when a name cannot be one; [`Error::Usage`] when the summary's kinds or a glob cannot be, or the run is
    /// finished.
    pub fn define_metric(&self, metric: Metric) -> Result<(), Error> {
        self.inner.push_kind("define_metric", metric.into_kind()?)
    }

    /// Asks for the user's attention.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the title is empty or several lines, or the run is finished.
    pub fn alert(&self, alert: Alert) -> Result<(), Error> {
        self.inner.push_kind("alert", alert.into_kind()?)
    }

    /// Returns a writer whose lines become the run's console. It never fails and prints nothing itself; once the run is finished it
    /// drops what it is given.
    ///
    /// Lines end with `\n`. Of a line with carriage returns what follows the last one is kept, so that a progress bar is one line.
    #[must_use]
    pub fn console(&self, stream: Stream) -> Console {
        Console { inner: Arc::downgrade(&self.inner), stream }
    }

    /// Waits until everything said before is on the daemon's disk, at most for a time. It may be called inside of an async runtime,
    /// whose thread it holds up meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when it is not within the time; [`Error::Refused`] when the daemon does not take the run.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let (tell, told) = std::sync::mpsc::channel();
        let ticket = self.inner.begin_flush(timeout, reply(move |is_settled| tell.send(is_settled).is_ok()));
        // The background thread ends the waiting; the time here is for one that is held up itself.
        let _ = told.recv_timeout(timeout.saturating_add(Duration::from_secs(1)));
        self.inner.flushed(ticket, timeout)
    }

    /// Waits as `flush` does, in any async runtime.
    ///
    /// # Errors
    ///
    /// As `flush`.
    pub async fn flush_async(&self, timeout: Duration) -> Result<(), Error> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let ticket = self.inner.begin_flush(timeout, reply(move |is_settled| tell.send(is_settled).is_ok()));
        let _ = told.await;
        self.inner.flushed(ticket, timeout)
    }

    /// Ends the run: waits until everything is on the daemon's disk and the run has its exit code, at most for
    /// [`Options::finish_timeout`]. The exit code 0 means that it went well. A second call does nothing.
    ///
    /// It may be called inside of an async runtime, whose thread it holds up meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when the time is over, [`Error::Refused`] when the daemon does not take the run; either says how many
    /// records are not kept.
    pub fn finish(&self, exit_code: i32) -> Result<(), Error> {
        if !self.inner.begin_finish(exit_code) {
            return Ok(());
        }
        let worker = lock(&self.inner.worker).take();
        let is_done = worker.is_none_or(|worker| worker.wait(self.inner.finish_timeout));
        self.inner.finished(is_done)
    }

    /// Ends the run as `finish` does, in any async runtime.
    ///
    /// # Errors
    ///
    /// As `finish`.
    pub async fn finish_async(&self, exit_code: i32) -> Result<(), Error> {
        if !self.inner.begin_finish(exit_code) {
            return Ok(());
        }
        let worker = lock(&self.inner.worker).take();
        let is_done = match worker {
            Some(worker) => worker.wait_async().await,
            None => true,
        };
        self.inner.finished(is_done)
    }

    /// Returns the run's id, unique in its project.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Returns the project's name.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.inner.project
    }

    /// Returns the address of the run's page; empty until a daemon has answered. `trackd ui` opens it with the token.
    #[must_use]
    pub fn url(&self) -> String {
        let address = self.inner.shared.http_address();
        if address.is_empty() { address } else { endpoint::page(&address, self.project(), self.id()) }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Run({}/{})", self.project(), self.id())
    }
}

/// A row that is being made; see [`Run::row`].
#[must_use = "a row is logged by its `log`"]
pub struct Row<'run> {
    inner: &'run Inner,
    values: Values,
    step: Option<i64>,
    commit: Option<bool>,
}

impl Row<'_> {
    /// Sets the row's step, 0 or more. Without one it gets the next.
    pub fn step(mut self, step: i64) -> Self {
        self.step = Some(step);
        self
    }

    /// Sets whether the step is done with this row; by default it is when the row has no step of its own.
    pub fn commit(mut self, commit: bool) -> Self {
        self.commit = Some(commit);
        self
    }

    /// Logs the row.
    ///
    /// # Errors
    ///
    /// As [`Run::log`]. A negative step is no error: the row is not kept, with a warning.
    pub fn log(self) -> Result<(), Error> {
        let now = now_unix_nanos();
        if let Some(step @ ..0) = self.step {
            self.inner.check_running("log")?;
            self.inner.shared.warn(&format!("step is {step}; the smallest is 0: this row is not kept"));
            return Ok(());
        }
        let flat = entries::flatten(self.values);
        let time_unix_nanos = flat.time_unix_nanos.unwrap_or(now);
        self.inner.push_row(flat, RowOptions { time_unix_nanos, step: self.step, commit: self.commit })
    }
}

/// The config of a run; see [`Run::config`].
pub struct Config<'run> {
    inner: &'run Inner,
}

impl Config<'_> {
    /// Sets a value.
    ///
    /// # Errors
    ///
    /// As `update`.
    pub fn set(&self, key: impl Into<String>, value: impl Into<Value>) -> Result<(), Error> {
        self.update([(key.into(), value.into())])
    }

    /// Sets values; maps are kept whole. The daemon removes what it knows to be a secret.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when a value cannot be kept, typed records among them; the others are kept. [`Error::Usage`] when the run is
    /// finished.
    pub fn update(&self, values: impl Into<Values>) -> Result<(), Error> {
        let flat = entries::plain(values.into());
        self.inner.push_config("config", flat.leaves)?;
        flat.problem.map_or(Ok(()), Err)
    }
}

/// The summary of a run; see [`Run::summary`].
pub struct Summary<'run> {
    inner: &'run Inner,
}

impl Summary<'_> {
    /// Sets a value by hand: rows no longer change it.
    ///
    /// # Errors
    ///
    /// As `update`.
    pub fn set(&self, key: impl Into<String>, value: impl Into<Value>) -> Result<(), Error> {
        self.update([(key.into(), value.into())])
    }

    /// Sets values by hand; maps become dotted names, and typed records are kept too.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when a value cannot be kept; the others are. [`Error::Usage`] when the run is finished.
    pub fn update(&self, values: impl Into<Values>) -> Result<(), Error> {
        let mut flat = entries::flatten(values.into());
        let problem = flat.problem.take();
        self.inner.push_summary(flat)?;
        problem.map_or(Ok(()), Err)
    }
}

/// A writer of the run's console; see [`Run::console`].
#[derive(Clone)]
pub struct Console {
    inner: Weak<Inner>,
    stream: Stream,
}

impl io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(inner) = self.inner.upgrade() {
            inner.push_console(|lines| lines.write(self.stream, bytes));
        }
        Ok(bytes.len())
    }

    /// Does nothing: a line is said when it ends, or at the run's `flush` and `finish`.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes what is called when a flush is over; nobody may be there to hear it.
fn reply(tell: impl FnOnce(bool) -> bool + Send + 'static) -> Reply {
    Box::new(move |is_settled| {
        tell(is_settled);
    })
}
