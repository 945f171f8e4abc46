//! Owns what waits for the daemon: the bounded queue, its gathering into records, and the cutting of batches.
//!
//! Every thing said has a ticket, 1, 2, 3 …; `settled` is the last one up to which all is durable or was dropped.

use std::collections::VecDeque;

use prost::Message as _;
use prost::bytes::Bytes;

use crate::columns::{Columns, RowOptions};
use crate::entries::Leaf;
use crate::wire;

/// A batch has about so many bytes at most.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Rows and lines gather up to about so many bytes a record.
const GATHER_BYTES_MAX: usize = 512 << 10;
/// What a row or a line takes beside its values.
const OVERHEAD_BYTES: usize = 32;

/// A record that is ready to be sent, and what is sent before it.
#[derive(Debug)]
pub(crate) struct Ready {
    pub record: wire::Record,
    pub objects: Vec<Bytes>,
    /// The ticket of the last thing in it.
    pub ticket: u64,
    /// How many things, rows for the most part, it says.
    pub count: u64,
    /// What it counts against the bound.
    pub bytes: usize,
}

#[derive(Debug)]
enum Content {
    Columns(Columns),
    Lines { time_unix_nanos: i64, lines: wire::ConsoleLines },
    Record { record: Box<wire::Record>, objects: Vec<Bytes> },
}

#[derive(Debug)]
struct Pending {
    content: Content,
    ticket: u64,
    count: u64,
    bytes: usize,
}

/// What waits for the daemon.
#[derive(Debug)]
pub(crate) struct Outbox {
    pending: VecDeque<Pending>,
    /// Of all that waits, what is being sent included.
    bytes: usize,
    bytes_max: usize,
    said: u64,
    settled: u64,
    dropped: u64,
    /// How many were dropped since the loss began that is going on.
    losing: u64,
    /// Why nothing can be kept any more.
    lost: Option<String>,
    ended: bool,
}

impl Outbox {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            pending: VecDeque::new(),
            bytes: 0,
            bytes_max,
            said: 0,
            settled: 0,
            dropped: 0,
            losing: 0,
            lost: None,
            ended: false,
        }
    }

    /// Takes a row; returns what to warn of.
    pub fn push_row(
        &mut self,
        leaves: Vec<(String, Leaf)>,
        options: RowOptions,
        objects: Vec<Bytes>,
        data: Vec<u8>,
    ) -> Option<String> {
        let value_bytes: usize = leaves.iter().map(|(_, leaf)| leaf.size_bytes()).sum();
        if !Columns::takes(&leaves, options) {
            let kind = crate::columns::row(leaves, options);
            return self.push_record(kind, options.time_unix_nanos, objects, data);
        }
        let bytes = value_bytes + OVERHEAD_BYTES;
        if let Some(Pending { content: Content::Columns(columns), bytes: gathered, .. }) = self.pending.back_mut()
            && *gathered + bytes <= GATHER_BYTES_MAX
            && columns.fits(&leaves, options)
        {
            let admitted = self.admit(bytes);
            if admitted.is_ok()
                && let Some(Pending { content: Content::Columns(columns), .. }) = self.pending.back_mut()
            {
                columns.push(leaves, options);
                self.grow(bytes, 1);
            }
            return admitted.unwrap_or_else(|warning| warning);
        }
        self.push(bytes, 1, || Content::Columns(Columns::new(leaves, options)))
    }

    /// Takes a record of any kind.
    pub fn push_record(
        &mut self,
        kind: wire::record::Kind,
        time_unix_nanos: i64,
        objects: Vec<Bytes>,
        data: Vec<u8>,
    ) -> Option<String> {
        let data = (!data.is_empty()).then(|| wire::record::Data::DataInline(Bytes::from(data)));
        let record = Box::new(wire::Record { time_unix_nanos, kind: Some(kind), data });
        let bytes = record.encoded_len() + objects.iter().map(Bytes::len).sum::<usize>() + OVERHEAD_BYTES;
        self.push(bytes, 1, || Content::Record { record, objects })
    }

    /// Takes lines of the console.
    pub fn push_lines(&mut self, mut lines: wire::ConsoleLines, time_unix_nanos: i64) -> Option<String> {
        let bytes: usize = lines.lines.iter().map(|line| line.len() + OVERHEAD_BYTES).sum();
        if bytes > GATHER_BYTES_MAX && lines.lines.len() > 1 {
            let half = lines.lines.len() / 2;
            let rest = wire::ConsoleLines {
                stream: lines.stream,
                first_line: lines.first_line + half as i64,
                lines: lines.lines.split_off(half),
            };
            let warning = self.push_lines(lines, time_unix_nanos);
            let other = self.push_lines(rest, time_unix_nanos);
            return warning.or(other);
        }
        let count = lines.lines.len() as u64;
        let fits = match self.pending.back() {
            Some(Pending { content: Content::Lines { lines: own, .. }, bytes: gathered, .. }) => {
                own.stream == lines.stream
                    && own.first_line + own.lines.len() as i64 == lines.first_line
                    && gathered + bytes <= GATHER_BYTES_MAX
            }
            _ => false,
        };
        if !fits {
            return self.push(bytes, count, || Content::Lines { time_unix_nanos, lines });
        }
        let admitted = self.admit_many(bytes, count);
        if admitted.is_ok()
            && let Some(Pending { content: Content::Lines { lines: own, .. }, .. }) = self.pending.back_mut()
        {
            own.lines.extend(lines.lines);
            self.grow(bytes, count);
        }
        admitted.unwrap_or_else(|warning| warning)
    }

    fn push(&mut self, bytes: usize, count: u64, content: impl FnOnce() -> Content) -> Option<String> {
        match self.admit_many(bytes, count) {
            Ok(warning) => {
                self.bytes += bytes;
                self.said += count;
                self.pending.push_back(Pending { content: content(), ticket: self.said, count, bytes });
                warning
            }
            Err(warning) => warning,
        }
    }

    fn grow(&mut self, bytes: usize, count: u64) {
        self.bytes += bytes;
        self.said += count;
        if let Some(last) = self.pending.back_mut() {
            last.bytes += bytes;
            last.count += count;
            last.ticket = self.said;
        }
    }

    fn admit(&mut self, bytes: usize) -> Result<Option<String>, Option<String>> {
        self.admit_many(bytes, 1)
    }

    /// Says whether there is room; with it, or without, what to warn of.
    fn admit_many(&mut self, bytes: usize, count: u64) -> Result<Option<String>, Option<String>> {
        if self.lost.is_some() {
            self.dropped += count;
            return Err(None);
        }
        if self.bytes + bytes > self.bytes_max {
            let is_first = self.losing == 0;
            self.dropped += count;
            self.losing += count;
            return Err(is_first.then(|| {
                format!(
                    "{} bytes wait for the daemon and the limit is {}: what is logged now is dropped until the daemon takes some of it",
                    self.bytes, self.bytes_max
                )
            }));
        }
        let lost = std::mem::take(&mut self.losing);
        Ok((lost > 0).then(|| {
            format!("the daemon takes records again; {lost} were dropped meanwhile, because the buffer was full")
        }))
    }

    /// Takes out what makes a batch, about 1 MiB at most.
    pub fn cut(&mut self) -> VecDeque<Ready> {
        let mut batch = VecDeque::new();
        let mut size_bytes = 0;
        while let Some(next) = self.pending.front() {
            if size_bytes > 0 && size_bytes + next.bytes > BATCH_BYTES_MAX {
                break;
            }
            size_bytes += next.bytes;
            if let Some(pending) = self.pending.pop_front() {
                batch.push_back(pending.into_ready());
            }
        }
        batch
    }

    /// Notes that a record is durable, or was dropped.
    pub fn settle(&mut self, ready: &Ready, is_durable: bool) {
        self.bytes = self.bytes.saturating_sub(ready.bytes);
        self.settled = self.settled.max(ready.ticket);
        if !is_durable {
            self.dropped += ready.count;
        }
    }

    /// Drops all that waits, and all that will be said: the run cannot be tracked.
    pub fn lose(&mut self, reason: &str) {
        self.dropped += self.said - self.settled;
        self.settled = self.said;
        self.pending.clear();
        self.bytes = 0;
        self.lost = Some(reason.to_owned());
    }

    /// Notes that nothing more will be said; returns whether that is news.
    pub fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Says whether so much waits that waiting for more gains nothing.
    pub fn fills_batch(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX
    }

    /// Returns the ticket of the last thing said.
    pub fn said(&self) -> u64 {
        self.said
    }

    pub fn is_settled(&self, ticket: u64) -> bool {
        self.settled >= ticket
    }

    /// Returns how many things are neither durable nor dropped.
    pub fn waiting(&self) -> u64 {
        self.said - self.settled
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }
}

impl Pending {
    fn into_ready(self) -> Ready {
        let (record, objects) = match self.content {
            Content::Columns(columns) => (columns.into_record(), Vec::new()),
            Content::Lines { time_unix_nanos, lines } => {
                let kind = Some(wire::record::Kind::ConsoleLines(lines));
                (wire::Record { time_unix_nanos, kind, data: None }, Vec::new())
            }
            Content::Record { record, objects } => (*record, objects),
        };
        Ready { record, objects, ticket: self.ticket, count: self.count, bytes: self.bytes }
    }
}
