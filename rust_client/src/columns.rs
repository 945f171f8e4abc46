//! Owns rows of one key set, gathered into one record: ten times as cheap for the daemon as a record a row.

use prost::bytes::Bytes;

use crate::entries::Leaf;
use crate::wire;
use crate::wire::column::Values;

/// What goes with the values of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowOptions {
    pub time_unix_nanos: i64,
    pub step: Option<i64>,
    pub commit: Option<bool>,
}

/// Consecutive rows of the same keys and types.
#[derive(Debug)]
pub(crate) struct Columns {
    keys: Vec<String>,
    columns: Vec<Column>,
    steps: Vec<i64>,
    times: Vec<i64>,
}

#[derive(Debug)]
enum Column {
    Doubles(Vec<u8>),
    Ints(Vec<u8>),
    Bools(Vec<bool>),
    Strings(Vec<String>),
}

impl Columns {
    /// Says whether a row can stand in columns at all.
    pub fn takes(leaves: &[(String, Leaf)], options: RowOptions) -> bool {
        let is_plain = |leaf: &Leaf| !matches!(leaf, Leaf::Json(_) | Leaf::Record(_));
        options.commit.is_none() && !leaves.is_empty() && leaves.iter().all(|(_, leaf)| is_plain(leaf))
    }

    /// Begins with a row that `takes` takes.
    pub fn new(leaves: Vec<(String, Leaf)>, options: RowOptions) -> Self {
        let mut made = Self { keys: Vec::new(), columns: Vec::new(), steps: Vec::new(), times: Vec::new() };
        let mut kept = Vec::with_capacity(leaves.len());
        for (key, leaf) in leaves {
            made.columns.push(match leaf {
                Leaf::Int(_) => Column::Ints(Vec::new()),
                Leaf::Bool(_) => Column::Bools(Vec::new()),
                Leaf::Text(_) | Leaf::Json(_) => Column::Strings(Vec::new()),
                Leaf::Float(_) | Leaf::Record(_) => Column::Doubles(Vec::new()),
            });
            made.keys.push(key);
            kept.push(leaf);
        }
        made.add(kept.into_iter(), options);
        made
    }

    /// Says whether a row has the same keys in the same order, the same types, and options alike.
    pub fn fits(&self, leaves: &[(String, Leaf)], options: RowOptions) -> bool {
        options.commit.is_none()
            && options.step.is_some() != self.steps.is_empty()
            && leaves.len() == self.keys.len()
            && leaves.iter().zip(&self.keys).zip(&self.columns).all(|(((key, leaf), own), column)| {
                let is_alike = matches!(
                    (leaf, column),
                    (Leaf::Float(_), Column::Doubles(_))
                        | (Leaf::Int(_), Column::Ints(_))
                        | (Leaf::Bool(_), Column::Bools(_))
                        | (Leaf::Text(_), Column::Strings(_))
                );
                is_alike && key == own
            })
    }

    /// Adds a row that fits.
    pub fn push(&mut self, leaves: Vec<(String, Leaf)>, options: RowOptions) {
        self.add(leaves.into_iter().map(|(_, leaf)| leaf), options);
    }

    fn add(&mut self, leaves: impl Iterator<Item = Leaf>, options: RowOptions) {
        for (column, leaf) in self.columns.iter_mut().zip(leaves) {
            match (column, leaf) {
                (Column::Doubles(bytes), Leaf::Float(number)) => bytes.extend_from_slice(&number.to_le_bytes()),
                (Column::Ints(bytes), Leaf::Int(number)) => bytes.extend_from_slice(&number.to_le_bytes()),
                (Column::Bools(values), Leaf::Bool(value)) => values.push(value),
                (Column::Strings(texts), Leaf::Text(text)) => texts.push(text),
                _ => debug_assert!(false, "a row that does not fit"),
            }
        }
        self.steps.extend(options.step);
        self.times.push(options.time_unix_nanos);
    }

    /// Returns the record; a single row is a `Row`.
    pub fn into_record(self) -> wire::Record {
        let time_unix_nanos = self.times[0];
        let kind = if self.times.len() == 1 {
            let named = self.keys.into_iter().zip(self.columns);
            let leaves = named.filter_map(|(key, column)| Some((key, column.into_leaf()?))).collect();
            row(leaves, RowOptions { time_unix_nanos, step: self.steps.first().copied(), commit: None })
        } else {
            let columns = self.keys.into_iter().zip(self.columns);
            wire::record::Kind::RowColumns(wire::RowColumns {
                steps: self.steps,
                times_unix_nanos: self.times,
                columns: columns
                    .map(|(key, column)| wire::Column { key, values: Some(column.into_values()) })
                    .collect(),
                commit: None,
            })
        };
        wire::Record { time_unix_nanos, kind: Some(kind), data: None }
    }
}

impl Column {
    fn into_values(self) -> Values {
        match self {
            Column::Doubles(bytes) => Values::Doubles(Bytes::from(bytes)),
            Column::Ints(bytes) => Values::Ints(Bytes::from(bytes)),
            Column::Bools(values) => Values::Bools(wire::BoolColumn { values }),
            Column::Strings(values) => Values::Strings(wire::StringColumn { values }),
        }
    }

    /// Returns the only value.
    fn into_leaf(self) -> Option<Leaf> {
        let eight = |bytes: Vec<u8>| <[u8; 8]>::try_from(bytes).ok();
        match self {
            Column::Doubles(bytes) => eight(bytes).map(|bytes| Leaf::Float(f64::from_le_bytes(bytes))),
            Column::Ints(bytes) => eight(bytes).map(|bytes| Leaf::Int(i64::from_le_bytes(bytes))),
            Column::Bools(values) => values.first().map(|&value| Leaf::Bool(value)),
            Column::Strings(texts) => texts.into_iter().next().map(Leaf::Text),
        }
    }
}

/// Returns a row as a record's kind.
pub(crate) fn row(leaves: Vec<(String, Leaf)>, options: RowOptions) -> wire::record::Kind {
    let values = entries(leaves);
    wire::record::Kind::Row(wire::Row { step: options.step, commit: options.commit, values })
}

/// Returns values as entries.
pub(crate) fn entries(leaves: Vec<(String, Leaf)>) -> Vec<wire::Entry> {
    leaves.into_iter().map(|(key, leaf)| wire::Entry { key, value: Some(leaf.into_value()) }).collect()
}
