//! Owns the bytes of the typed records of one call: those that travel in the record, and those that are sent before it.

use prost::bytes::Bytes;

use crate::wire;
use crate::wire::payload::Source;
use crate::wire::typed_record::Kind;
use crate::wire::{image, object3_d, table_column};

/// Of each part, so that the daemon reads arrays where they lie.
const ALIGNMENT_BYTES: usize = 8;
/// From so many bytes on a part is an object of its own.
const OBJECT_BYTES_MIN: usize = 1 << 20;
/// So many bytes of small parts travel in one record; a message of 4 MiB holds them and the rest.
const DATA_BYTES_MAX: usize = 2 << 20;

/// Gathers the bytes of the records in one call.
#[derive(Default)]
pub(crate) struct Draft {
    /// What travels in the record; each part begins at a multiple of 8.
    pub data: Vec<u8>,
    /// What is sent before the record. Until it is, its place in this list stands where the record will name its sha256.
    pub objects: Vec<Bytes>,
}

impl Draft {
    pub fn mark(&self) -> (usize, usize) {
        (self.data.len(), self.objects.len())
    }

    /// Forgets what came after a mark: the record that brought it is not logged.
    pub fn reset(&mut self, mark: (usize, usize)) {
        self.data.truncate(mark.0);
        self.objects.truncate(mark.1);
    }

    /// Takes bytes; returns the payload that refers to them.
    pub fn payload(&mut self, bytes: Vec<u8>) -> wire::Payload {
        let offset = self.data.len().next_multiple_of(ALIGNMENT_BYTES);
        let source = if bytes.len() >= OBJECT_BYTES_MIN || offset + bytes.len() > DATA_BYTES_MAX {
            self.objects.push(Bytes::from(bytes));
            Source::Sha256((self.objects.len() - 1).to_string())
        } else {
            self.data.resize(offset, 0);
            self.data.extend_from_slice(&bytes);
            Source::Range(wire::ByteRange { offset: offset as i64, size_bytes: bytes.len() as i64 })
        };
        wire::Payload { source: Some(source), ..Default::default() }
    }
}

/// Writes the sha256 of each object where its place in the list stands.
pub(crate) fn set_sha256s(record: &mut wire::Record, sha256s: &[String]) {
    let entries = match &mut record.kind {
        Some(wire::record::Kind::Row(row)) => &mut row.values,
        Some(wire::record::Kind::SummaryUpdate(update)) => &mut update.set,
        _ => return,
    };
    for entry in entries {
        set_in_value(entry.value.as_mut(), sha256s);
    }
}

fn set_in_value(value: Option<&mut wire::Value>, sha256s: &[String]) {
    if let Some(wire::Value { kind: Some(wire::value::Kind::RecordValue(record)) }) = value {
        set_in_record(record, sha256s);
    }
}

fn set_in_record(record: &mut wire::TypedRecord, sha256s: &[String]) {
    match &mut record.kind {
        Some(Kind::Image(image)) => match &mut image.source {
            Some(image::Source::Encoded(payload)) => set(Some(payload), sha256s),
            Some(image::Source::Raw(array)) => set(array.data.as_mut(), sha256s),
            None => {}
        },
        Some(Kind::Histogram(histogram)) => set_in_array(histogram.raw.as_mut(), sha256s),
        Some(Kind::Object3d(object)) => match &mut object.source {
            Some(object3_d::Source::Encoded(payload)) => set(Some(payload), sha256s),
            Some(object3_d::Source::Scene(scene)) => set_in_array(scene.points.as_mut(), sha256s),
            None => {}
        },
        Some(Kind::Table(table)) => {
            for column in &mut table.columns {
                set_in_column(column, sha256s);
            }
        }
        Some(Kind::List(list)) => {
            for item in &mut list.records {
                set_in_record(item, sha256s);
            }
        }
        _ => {}
    }
}

fn set_in_column(column: &mut wire::TableColumn, sha256s: &[String]) {
    set_in_array(column.validity.as_mut(), sha256s);
    match &mut column.cells {
        Some(table_column::Cells::Numbers(array)) => set(array.data.as_mut(), sha256s),
        Some(table_column::Cells::Texts(texts)) => {
            set(texts.data.as_mut(), sha256s);
            set_in_array(texts.sizes_bytes.as_mut(), sha256s);
        }
        Some(table_column::Cells::Values(list)) => {
            for cell in &mut list.cells {
                set_in_value(Some(cell), sha256s);
            }
        }
        None => {}
    }
}

fn set_in_array(array: Option<&mut wire::Array>, sha256s: &[String]) {
    set(array.and_then(|array| array.data.as_mut()), sha256s);
}

fn set(payload: Option<&mut wire::Payload>, sha256s: &[String]) {
    if let Some(wire::Payload { source: Some(Source::Sha256(name)), .. }) = payload
        && let Some(sha256) = name.parse::<usize>().ok().and_then(|place| sha256s.get(place))
    {
        *name = sha256.clone();
    }
}
