//! Owns how text that is written to a console becomes numbered lines.

use std::str::FromStr;

use crate::errors::Error;
use crate::wire;

/// A longer line goes on in the next one.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Which of the two streams of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl FromStr for Stream {
    type Err = Error;

    /// Reads "stdout" or "stderr".
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "stdout" => Ok(Stream::Stdout),
            "stderr" => Ok(Stream::Stderr),
            _ => Err(Error::Usage(format!("stream is {text:?}; it can be stdout or stderr: choose one of them"))),
        }
    }
}

/// The lines of both streams of one writer, which share their numbers.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    next_number: i64,
    partials: [Partial; 2],
}

/// A line that has not ended.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// Where it has been said already, so that the whole line replaces it.
    number: Option<i64>,
    has_changed: bool,
}

impl Lines {
    /// Takes what was written; returns the lines that it has ended.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) -> Vec<wire::ConsoleLines> {
        let mut made = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let partial = &mut self.partials[stream as usize];
            partial.bytes.extend_from_slice(piece);
            partial.has_changed = true;
            if piece.ends_with(b"\n") {
                self.end_line(stream, &mut made);
            } else {
                partial.forget_overwritten();
                while self.partials[stream as usize].bytes.len() > LINE_BYTES_MAX {
                    self.break_line(stream, &mut made);
                }
            }
        }
        made
    }

    /// Returns the lines that have not ended; each is said again when it has.
    pub fn flush(&mut self) -> Vec<wire::ConsoleLines> {
        let mut made = Vec::new();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let partial = &mut self.partials[stream as usize];
            if partial.bytes.is_empty() || !std::mem::take(&mut partial.has_changed) {
                continue;
            }
            let text = shown(&partial.bytes);
            let number = *partial.number.get_or_insert_with(|| take_number(&mut self.next_number));
            add(&mut made, stream, number, text);
        }
        made
    }

    fn end_line(&mut self, stream: Stream, made: &mut Vec<wire::ConsoleLines>) {
        let Partial { bytes, number, .. } = std::mem::take(&mut self.partials[stream as usize]);
        let mut text = shown(&bytes[..bytes.len() - 1]);
        let mut number = number.unwrap_or_else(|| take_number(&mut self.next_number));
        while text.len() > LINE_BYTES_MAX {
            let rest = text.split_off(floor_char_boundary(&text, LINE_BYTES_MAX));
            add(made, stream, number, text);
            text = rest;
            number = take_number(&mut self.next_number);
        }
        add(made, stream, number, text);
    }

    /// Ends a line that is too long, and goes on in the next.
    fn break_line(&mut self, stream: Stream, made: &mut Vec<wire::ConsoleLines>) {
        let partial = &mut self.partials[stream as usize];
        // Not within a character, as far as this is UTF-8.
        let is_first = |&at: &usize| partial.bytes[at] & 0xC0 != 0x80;
        let at = (LINE_BYTES_MAX - 3..=LINE_BYTES_MAX).rev().find(is_first).unwrap_or(LINE_BYTES_MAX);
        let rest = partial.bytes.split_off(at);
        let text = shown(&partial.bytes);
        let number = partial.number.take().unwrap_or_else(|| take_number(&mut self.next_number));
        partial.bytes = rest;
        add(made, stream, number, text);
    }
}

impl Partial {
    /// Forgets what a carriage return has let the rest be written over: a progress bar must not grow.
    fn forget_overwritten(&mut self) {
        let content = self.bytes.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
        if let Some(at) = self.bytes[..content].iter().rposition(|&byte| byte == b'\r') {
            self.bytes.drain(..=at);
        }
    }
}

/// Returns a line as a terminal would show it: what follows the last carriage return.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
    let begin = bytes[..end].iter().rposition(|&byte| byte == b'\r').map_or(0, |at| at + 1);
    String::from_utf8_lossy(&bytes[begin..end]).into_owned()
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

fn take_number(next_number: &mut i64) -> i64 {
    let number = *next_number;
    *next_number += 1;
    number
}

fn add(made: &mut Vec<wire::ConsoleLines>, stream: Stream, number: i64, text: String) {
    let stream = match stream {
        Stream::Stdout => wire::ConsoleStream::Stdout,
        Stream::Stderr => wire::ConsoleStream::Stderr,
    };
    if let Some(last) = made.last_mut()
        && last.stream == stream as i32
        && last.first_line + last.lines.len() as i64 == number
    {
        last.lines.push(text);
    } else {
        made.push(wire::ConsoleLines { stream: stream as i32, first_line: number, lines: vec![text] });
    }
}
