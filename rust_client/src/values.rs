//! Owns what can be logged: `Value`, `Values`, and what turns into them.

use std::collections::{BTreeMap, HashMap};

use crate::records::{Histogram, Image, Object3D, Table};

/// One value of a row, a config or a summary.
///
/// Made by `From`: numbers, truth values, texts, `Option` (`None` is null), lists, maps, JSON and typed records all turn
/// into one, so that `"loss" => 0.3` is all that is written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing: JSON's null.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, kept exactly.
    Int(i64),
    /// A number; NaN and the infinities are kept.
    Float(f64),
    /// Text, at most 1 MiB.
    Text(String),
    /// A list: JSON, or typed records of one kind.
    List(Vec<Value>),
    /// Values by name; in a row they become dotted names.
    Map(Values),
    /// An image.
    Image(Image),
    /// A histogram.
    Histogram(Histogram),
    /// A table.
    Table(Table),
    /// Points or a model.
    Object3D(Object3D),
}

/// Values by name, in the order given; of a name that is given twice the last value counts.
///
/// Made by `From` of arrays, vectors and maps of pairs, and by the macro [`values!`](crate::values!) where the values are of
/// several types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    pub(crate) entries: Vec<(String, Value)>,
}

impl Values {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value under a name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.entries.push((name.into(), value.into()));
    }
}

/// Makes [`Values`] of several types: `values! { "loss" => 0.3, "train" => values! { "epoch" => 3 } }`.
#[macro_export]
macro_rules! values {
    ($($name:expr => $value:expr),* $(,)?) => {{
        let entries: ::std::vec::Vec<(::std::string::String, $crate::Value)> =
            ::std::vec![$((::std::convert::Into::into($name), $crate::Value::from($value))),*];
        $crate::Values::from(entries)
    }};
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let entries = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { entries: entries.collect() }
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Values {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<Value>> From<Vec<(K, V)>> for Values {
    fn from(pairs: Vec<(K, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<Value>> From<BTreeMap<K, V>> for Values {
    fn from(pairs: BTreeMap<K, V>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<String>, V: Into<Value>, S> From<HashMap<K, V, S>> for Values {
    fn from(pairs: HashMap<K, V, S>) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Values {
    fn from(pairs: serde_json::Map<String, serde_json::Value>) -> Self {
        pairs.into_iter().collect()
    }
}

macro_rules! value_from {
    ($($variant:ident: $($type:ty),+;)+) => {
        $($(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$variant(value.into())
            }
        })+)+
    };
}

value_from! {
    Bool: bool;
    Int: i64, i32, i16, i8, u32, u16, u8;
    Float: f64, f32;
    Text: String, &str, char;
    Map: Values;
    Image: Image;
    Histogram: Histogram;
    Table: Table;
    Object3D: Object3D;
}

impl From<u64> for Value {
    /// Keeps the integer exactly up to 2^63-1; a larger one becomes a float.
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)
    }
}

impl From<usize> for Value {
    /// Keeps the integer exactly up to 2^63-1; a larger one becomes a float.
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value::Int(value as i64)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Value::Text(value.clone())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Value>> From<&[T]> for Value {
    fn from(items: &[T]) -> Self {
        Value::List(items.iter().cloned().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Value>> From<BTreeMap<K, V>> for Value {
    fn from(pairs: BTreeMap<K, V>) -> Self {
        Value::Map(pairs.into())
    }
}

impl<K: Into<String>, V: Into<Value>, S> From<HashMap<K, V, S>> for Value {
    fn from(pairs: HashMap<K, V, S>) -> Self {
        Value::Map(pairs.into())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
            }
            serde_json::Value::String(text) => Value::Text(text),
            serde_json::Value::Array(items) => items.into(),
            serde_json::Value::Object(pairs) => Value::Map(pairs.into()),
        }
    }
}
