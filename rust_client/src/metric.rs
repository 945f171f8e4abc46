//! Owns what a caller says of a metric and of an alert.

use std::str::FromStr;
use std::time::Duration;

use crate::entries::check_key;
use crate::errors::Error;
use crate::wire;

/// Which direction of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Smaller is better.
    Minimize,
    /// Larger is better.
    Maximize,
}

impl FromStr for Goal {
    type Err = Error;

    /// Reads "minimize" or "maximize".
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "minimize" => Ok(Goal::Minimize),
            "maximize" => Ok(Goal::Maximize),
            _ => Err(Error::Usage(format!("goal is {text:?}; it can be minimize or maximize: choose one of them"))),
        }
    }
}

/// How a metric is drawn and summarised; see [`Run::define_metric`](crate::Run::define_metric).
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Metric {
    name: String,
    step_metric: String,
    step_sync: Option<bool>,
    hidden: Option<bool>,
    summary: String,
    goal: Option<Goal>,
    overwrite: bool,
}

impl Metric {
    /// Takes the metric's name, or a prefix followed by `*`. A whole name wins over a prefix, a longer prefix over a shorter.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Default::default() }
    }

    /// Sets the metric that is the x axis.
    pub fn step_metric(mut self, name: impl Into<String>) -> Self {
        self.step_metric = name.into();
        self
    }

    /// Sets whether the last value of the x axis joins rows that lack it; by default it does when there is one.
    pub fn step_sync(mut self, step_sync: bool) -> Self {
        self.step_sync = Some(step_sync);
        self
    }

    /// Sets whether the metric's chart is left out by default.
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = Some(hidden);
        self
    }

    /// Sets what the summary keeps: some of `min`, `max`, `mean`, `first`, `last`, `best`, `copy` and `none`, separated by commas.
    pub fn summary(mut self, kinds: impl Into<String>) -> Self {
        self.summary = kinds.into();
        self
    }

    /// Sets which direction is better, for `best`.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Sets whether earlier definitions of the name are forgotten; otherwise they are merged.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    pub(crate) fn into_kind(self) -> Result<wire::record::Kind, Error> {
        check_key(&self.name)?;
        if !self.step_metric.is_empty() {
            check_key(&self.step_metric)?;
        }
        if self.name.char_indices().any(|(index, letter)| letter == '*' && index + 1 < self.name.len()) {
            return Err(Error::Usage(format!(
                "metric name is {:?}; a * can only stand at the end: define metrics by a prefix, like \"train/*\"",
                self.name
            )));
        }
        let kinds = self.summary.split(',').map(str::trim).filter(|kind| !kind.is_empty());
        let goal = match self.goal {
            Some(Goal::Minimize) => wire::Goal::Minimize,
            Some(Goal::Maximize) => wire::Goal::Maximize,
            None => wire::Goal::Unspecified,
        };
        Ok(wire::record::Kind::MetricDefinition(wire::MetricDefinition {
            summary_kinds: kinds.map(summary_kind).collect::<Result<_, _>>()?,
            name: self.name,
            step_metric: self.step_metric,
            step_sync: self.step_sync,
            hidden: self.hidden,
            goal: goal as i32,
            overwrite: self.overwrite,
        }))
    }
}

fn summary_kind(kind: &str) -> Result<i32, Error> {
    use wire::SummaryKind;
    let found = match kind.to_lowercase().as_str() {
        "min" => SummaryKind::Min,
        "max" => SummaryKind::Max,
        "mean" => SummaryKind::Mean,
        "first" => SummaryKind::First,
        "last" => SummaryKind::Last,
        "best" => SummaryKind::Best,
        "copy" => SummaryKind::Copy,
        "none" => SummaryKind::None,
        _ => {
            return Err(Error::Usage(format!(
                "summary is {kind:?}; it can be min, max, mean, first, last, best, copy or none: separate several by commas"
            )));
        }
    };
    Ok(found as i32)
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// For information.
    #[default]
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

impl FromStr for Level {
    type Err = Error;

    /// Reads "INFO", "WARN" or "ERROR", in any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_uppercase().as_str() {
            "INFO" => Ok(Level::Info),
            "WARN" => Ok(Level::Warn),
            "ERROR" => Ok(Level::Error),
            _ => {
                Err(Error::Usage(format!("alert level is {text:?}; it can be INFO, WARN or ERROR: choose one of them")))
            }
        }
    }
}

/// Something that asks for the user's attention; see [`Run::alert`](crate::Run::alert).
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Alert {
    title: String,
    text: String,
    level: Level,
    wait: Duration,
}

impl Alert {
    /// Takes one line.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Default::default() }
    }

    /// Adds more words.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets how urgent it is; by default [`Level::Info`].
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the least time between two alerts of one title; others are left out.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    pub(crate) fn into_kind(self) -> Result<wire::record::Kind, Error> {
        if self.title.is_empty() || self.title.chars().any(char::is_control) {
            return Err(Error::Usage(format!(
                "alert title is {:?}; it is one line that is not empty: put the rest into the text",
                self.title.chars().take(40).collect::<String>()
            )));
        }
        let level = match self.level {
            Level::Info => wire::AlertLevel::Info,
            Level::Warn => wire::AlertLevel::Warn,
            Level::Error => wire::AlertLevel::Error,
        };
        Ok(wire::record::Kind::Alert(wire::Alert {
            title: self.title,
            text: self.text,
            level: level as i32,
            wait_seconds: self.wait.as_secs_f64(),
        }))
    }
}
