//! Owns the typed records: what they are made of, and how they stand in a message.
//!
//! A record copies what it is given and does none of the encoding: that is the daemon's work.

mod array;
mod draft;
mod files;
mod histogram;
mod image;
mod object_3d;
mod table;

pub use array::{Element, Pixel};
pub(crate) use draft::{Draft, set_sha256s};
pub use histogram::Histogram;
pub use image::Image;
pub use object_3d::Object3D;
pub use table::Table;

use crate::values::Value;
use crate::wire;
use crate::wire::typed_record::Kind;

/// The daemon's limit of the records of one list.
const LIST_RECORDS_MAX: usize = 100_000;

/// Says whether a value is a typed record, or a list that holds one.
pub(crate) fn is_record(value: &Value) -> bool {
    match value {
        Value::Image(_) | Value::Histogram(_) | Value::Table(_) | Value::Object3D(_) => true,
        Value::List(items) => items.first().is_some_and(|first| !matches!(first, Value::List(_)) && is_record(first)),
        _ => false,
    }
}

/// Encodes a typed record, or a list of records of one kind; the error is a sentence without the key.
pub(crate) fn encode(value: Value, draft: &mut Draft) -> Result<wire::TypedRecord, String> {
    let kind = match value {
        Value::Image(image) => Kind::Image(image.encode(draft)),
        Value::Histogram(histogram) => Kind::Histogram(histogram.encode(draft)),
        Value::Object3D(object) => Kind::Object3d(object.encode(draft)),
        Value::Table(table) => Kind::Table(table.encode(draft)?),
        Value::List(items) => Kind::List(encode_list(items, draft)?),
        _ => return Err("it is no typed record".into()),
    };
    Ok(wire::TypedRecord { kind: Some(kind) })
}

fn encode_list(items: Vec<Value>, draft: &mut Draft) -> Result<wire::RecordList, String> {
    if items.len() > LIST_RECORDS_MAX {
        return Err(format!(
            "the list has {} records; the limit is {LIST_RECORDS_MAX}: log fewer at once",
            items.len()
        ));
    }
    let kind = std::mem::discriminant(&items[0]);
    if let Some(number) = items.iter().position(|item| std::mem::discriminant(item) != kind) {
        return Err(format!(
            "item {number} of the list is of another kind than the first; a list holds typed records of one kind: log the others under a key of their own"
        ));
    }
    let records = items.into_iter().map(|item| encode(item, draft)).collect::<Result<_, _>>()?;
    Ok(wire::RecordList { records })
}
