//! Owns what a value becomes on the wire: dotted names, checked keys, JSON for what is neither number nor text.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::errors::Error;
use crate::records::{self, Draft};
use crate::values::{Value, Values};
use crate::wire;

/// Prefixes of the names of what the daemon itself records.
const RESERVED_PREFIXES: [&str; 2] = ["_system/", "_console/"];
/// Names that a row cannot have; `_timestamp` gives the row's time in seconds, the others are ignored.
const RESERVED_KEYS: [&str; 3] = ["_step", "_timestamp", "_runtime"];
/// The daemon's limit of a metric's name.
const KEY_BYTES_MAX: usize = 512;
/// The daemon's limit of a text or of JSON: 1 MiB.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;
/// Of what stands in a record beside its data, so that a call's 4 MiB hold both and all around them.
pub(crate) const VALUE_BYTES_MAX: usize = 3 << 19;
/// Deeper is a mistake.
const NESTING_MAX: usize = 64;
/// Up to so many keys are compared one by one.
const FEW_KEYS: usize = 32;

/// A value as a row carries it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leaf {
    Float(f64),
    Int(i64),
    Bool(bool),
    Text(String),
    Json(String),
    Record(Box<wire::TypedRecord>),
}

/// The values of a call, ready to be sent, and what could not be.
#[derive(Default)]
pub(crate) struct Flat {
    pub leaves: Vec<(String, Leaf)>,
    pub draft: Draft,
    /// What the typed records take beside their data.
    record_bytes: usize,
    /// The first thing that was wrong; what was right is kept all the same.
    pub problem: Option<Error>,
    /// The time that `_timestamp` gave.
    pub time_unix_nanos: Option<i64>,
}

impl Leaf {
    pub(crate) fn into_value(self) -> wire::Value {
        use wire::value::Kind;
        let kind = match self {
            Leaf::Float(number) => Kind::DoubleValue(number),
            Leaf::Int(number) => Kind::IntValue(number),
            Leaf::Bool(value) => Kind::BoolValue(value),
            Leaf::Text(text) => Kind::StringValue(text),
            Leaf::Json(text) => Kind::JsonValue(text),
            Leaf::Record(record) => Kind::RecordValue(*record),
        };
        wire::Value { kind: Some(kind) }
    }

    /// Returns about how many bytes it takes in a message.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Leaf::Text(text) | Leaf::Json(text) => text.len() + 8,
            Leaf::Record(record) => prost::Message::encoded_len(record.as_ref()) + 16,
            _ => 16,
        }
    }
}

/// Flattens the values of a row or of the summary: maps become dotted names.
pub(crate) fn flatten(values: Values) -> Flat {
    let mut flat = Flat::default();
    flat.take(values, "", 0);
    flat.keep_last();
    flat
}

/// Takes the values of a config, whose maps stay JSON.
pub(crate) fn plain(values: Values) -> Flat {
    let mut flat = Flat::default();
    for (key, value) in values.entries {
        let leaf = check_key(&key).and_then(|()| plain_leaf(&key, value));
        flat.add(key, leaf);
    }
    flat.keep_last();
    flat
}

impl Flat {
    fn take(&mut self, values: Values, prefix: &str, depth: usize) {
        if depth > NESTING_MAX {
            self.fail(too_deep(prefix));
            return;
        }
        self.leaves.reserve(values.entries.len());
        for (name, value) in values.entries {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            if let Value::Map(inner) = value {
                self.take(inner, &key, depth + 1);
            } else if RESERVED_KEYS.contains(&key.as_str()) {
                self.take_reserved(&key, &value);
            } else {
                let leaf = check_key(&key).and_then(|()| self.leaf(&key, value));
                self.add(key, leaf);
            }
        }
    }

    fn take_reserved(&mut self, key: &str, value: &Value) {
        let seconds = match *value {
            Value::Float(seconds) => seconds,
            Value::Int(seconds) => seconds as f64,
            _ => return,
        };
        let nanos = seconds * 1e9;
        if key == "_timestamp" && nanos.abs() < i64::MAX as f64 {
            self.time_unix_nanos = Some(nanos as i64);
        }
    }

    fn leaf(&mut self, key: &str, value: Value) -> Result<Leaf, Error> {
        if !records::is_record(&value) {
            return plain_leaf(key, value);
        }
        let mark = self.draft.mark();
        let made = records::encode(value, &mut self.draft).and_then(|record| {
            let size_bytes = self.record_bytes + prost::Message::encoded_len(&record) + 16 + key.len();
            if size_bytes > VALUE_BYTES_MAX {
                return Err(format!(
                    "the records of the row take {size_bytes} bytes beside their arrays and files; the limit is {VALUE_BYTES_MAX}: log a part, or in several rows"
                ));
            }
            self.record_bytes = size_bytes;
            Ok(Leaf::Record(Box::new(record)))
        });
        made.map_err(|sentence| {
            self.draft.reset(mark);
            Error::Value(format!("value of {key:?}: {sentence}"))
        })
    }

    fn add(&mut self, key: String, leaf: Result<Leaf, Error>) {
        match leaf {
            Ok(leaf) => self.leaves.push((key, leaf)),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Error) {
        self.problem.get_or_insert(error);
    }

    /// Of a key that was given twice, keeps the last value, at the place of the first.
    fn keep_last(&mut self) {
        let count = self.leaves.len();
        if count <= FEW_KEYS {
            let is_twice = |(index, (key, _)): (usize, &(String, Leaf))| {
                self.leaves[..index].iter().any(|(other, _)| other == key)
            };
            if !self.leaves.iter().enumerate().any(is_twice) {
                return;
            }
        }
        let mut places: HashMap<String, usize> = HashMap::with_capacity(count);
        let mut kept: Vec<(String, Leaf)> = Vec::with_capacity(count);
        for (key, leaf) in self.leaves.drain(..) {
            if let Some(&place) = places.get(&key) {
                kept[place].1 = leaf;
            } else {
                places.insert(key.clone(), kept.len());
                kept.push((key, leaf));
            }
        }
        self.leaves = kept;
    }
}

/// Checks the name of a metric.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::Value("metric key is empty; give it a name of 1 to 512 bytes".into()));
    }
    if RESERVED_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return Err(Error::Value(format!(
            "metric key is {:?}; names that begin with {} are trackd's own: choose another name",
            shorten(key),
            RESERVED_PREFIXES.join(" or ")
        )));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(Error::Value(format!(
            "metric key is {} bytes; the limit is {KEY_BYTES_MAX}: shorten {:?}…",
            key.len(),
            shorten(key)
        )));
    }
    Ok(())
}

/// Returns a value that is no typed record; `key` names it in the error.
pub(crate) fn plain_leaf(key: &str, value: Value) -> Result<Leaf, Error> {
    let (text, is_json) = match value {
        Value::Float(number) => return Ok(Leaf::Float(number)),
        Value::Int(number) => return Ok(Leaf::Int(number)),
        Value::Bool(value) => return Ok(Leaf::Bool(value)),
        Value::Text(text) => (text, false),
        other => {
            let mut text = String::new();
            write_json(&other, &mut text, 0).map_err(|problem| problem.named(key))?;
            (text, true)
        }
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::Value(format!(
            "value of {key:?} is {} bytes as text; the limit is {TEXT_BYTES_MAX}: log a part of it, or a statistic",
            text.len()
        )));
    }
    Ok(if is_json { Leaf::Json(text) } else { Leaf::Text(text) })
}

enum Unfit {
    Record(&'static str),
    TooDeep,
}

impl Unfit {
    fn named(&self, key: &str) -> Error {
        match self {
            Unfit::Record(kind) => Error::Value(format!(
                "value of {key:?} holds {kind}, which cannot be logged here: a typed record stands alone under a key of log(), or in a list of one kind"
            )),
            Unfit::TooDeep => too_deep(key),
        }
    }
}

/// Writes a value as JSON; numbers that JSON has not are written as `NaN`, `Infinity` and `-Infinity`, as Python does.
fn write_json(value: &Value, text: &mut String, depth: usize) -> Result<(), Unfit> {
    if depth > NESTING_MAX {
        return Err(Unfit::TooDeep);
    }
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => write_number(text, number),
        Value::Float(number) if number.is_nan() => text.push_str("NaN"),
        Value::Float(number) if number.is_infinite() => {
            text.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Value::Float(number) => write_number(text, number),
        Value::Text(content) => write_text(content, text),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_json(item, text, depth + 1)?;
            }
            text.push(']');
        }
        Value::Map(values) => {
            text.push('{');
            for (index, (name, item)) in values.entries.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_text(name, text);
                text.push(':');
                write_json(item, text, depth + 1)?;
            }
            text.push('}');
        }
        Value::Image(_) => return Err(Unfit::Record("an Image")),
        Value::Histogram(_) => return Err(Unfit::Record("a Histogram")),
        Value::Table(_) => return Err(Unfit::Record("a Table")),
        Value::Object3D(_) => return Err(Unfit::Record("an Object3D")),
    }
    Ok(())
}

fn write_number(text: &mut String, number: &impl std::fmt::Debug) {
    // Debug keeps a float a float (1.0), and is the shortest text that reads back as the same number.
    let _ = write!(text, "{number:?}");
}

fn write_text(content: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(content).to_string());
}

fn too_deep(key: &str) -> Error {
    Error::Value(format!("value of {:?}… is nested deeper than {NESTING_MAX}: log a flatter one", shorten(key)))
}

fn shorten(key: &str) -> String {
    key.chars().take(40).collect()
}
