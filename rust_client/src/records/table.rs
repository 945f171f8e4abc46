//! Owns `Table`: named columns of cells, and their cheapest exact encoding.

use super::array::Array;
use super::{Draft, encode, is_record};
use crate::entries::{Leaf, plain_leaf};
use crate::errors::Error;
use crate::values::Value;
use crate::wire;
use crate::wire::table_column::Cells;

/// A table: named columns of cells.
///
/// A cell is a number, a truth value, a text, null (an empty cell), a list or map, or a typed record. It reads back as what it
/// was: an integer stays one.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<(String, Vec<Cell>)>,
    row_count: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Empty,
    Plain(Leaf),
    Record(Value),
}

/// What the cells of a column are, the empty ones left out.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Float,
    Int,
    Bool,
    Text,
    Mixed,
}

impl Table {
    /// Makes an empty table with the names of its columns, which need not be unique.
    #[must_use]
    pub fn new<K: Into<String>>(columns: impl IntoIterator<Item = K>) -> Self {
        Self { columns: columns.into_iter().map(|name| (name.into(), Vec::new())).collect(), row_count: 0 }
    }

    /// Adds a row, a cell for each column.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when there are more or fewer cells than columns, or a cell is over 1 MiB as text; the row is not added.
    pub fn add_row<V: Into<Value>>(&mut self, cells: impl IntoIterator<Item = V>) -> Result<(), Error> {
        let cells: Vec<Value> = cells.into_iter().map(Into::into).collect();
        if cells.len() != self.columns.len() {
            return Err(Error::Value(format!(
                "Table: row {} has {} cells and the table has {} columns: give one cell a column",
                self.row_count,
                cells.len(),
                self.columns.len()
            )));
        }
        let names = self.columns.iter().map(|(name, _)| name);
        let made: Vec<Cell> = names.zip(cells).map(|(name, cell)| Cell::new(name, cell)).collect::<Result<_, _>>()?;
        for ((_, column), cell) in self.columns.iter_mut().zip(made) {
            column.push(cell);
        }
        self.row_count += 1;
        Ok(())
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.row_count
    }

    /// Says whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    pub(crate) fn encode(self, draft: &mut Draft) -> Result<wire::Table, String> {
        let columns = self.columns.into_iter().map(|(name, cells)| encode_column(name, cells, draft));
        Ok(wire::Table { columns: columns.collect::<Result<_, _>>()?, row_count: self.row_count as i64 })
    }
}

impl Cell {
    fn new(column: &str, value: Value) -> Result<Self, Error> {
        match value {
            Value::Null => Ok(Cell::Empty),
            value if is_record(&value) => Ok(Cell::Record(value)),
            value => plain_leaf(column, value).map(Cell::Plain),
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Cell::Empty => None,
            Cell::Plain(Leaf::Float(_)) => Some(Kind::Float),
            Cell::Plain(Leaf::Int(_)) => Some(Kind::Int),
            Cell::Plain(Leaf::Bool(_)) => Some(Kind::Bool),
            Cell::Plain(Leaf::Text(_)) => Some(Kind::Text),
            Cell::Plain(_) | Cell::Record(_) => Some(Kind::Mixed),
        }
    }
}

fn encode_column(name: String, cells: Vec<Cell>, draft: &mut Draft) -> Result<wire::TableColumn, String> {
    let mut kinds = cells.iter().filter_map(Cell::kind);
    let first = kinds.next().unwrap_or(Kind::Mixed);
    let kind = if kinds.all(|kind| kind == first) { first } else { Kind::Mixed };
    let mut column = wire::TableColumn { name, ..Default::default() };
    column.cells = match kind {
        _ if cells.is_empty() => None,
        Kind::Float | Kind::Int | Kind::Bool => {
            if cells.contains(&Cell::Empty) {
                let validity = cells.iter().map(|cell| u8::from(*cell != Cell::Empty)).collect();
                column.validity = Some(Array::of_bytes("|b1", &[cells.len()], validity).encode(draft));
            }
            Some(Cells::Numbers(numbers(kind, &cells).encode(draft)))
        }
        Kind::Text => Some(Cells::Texts(texts(&cells, draft))),
        Kind::Mixed => {
            let cells = cells.into_iter().map(|cell| cell_value(cell, draft)).collect::<Result<_, _>>()?;
            Some(Cells::Values(wire::CellList { cells }))
        }
    };
    Ok(column)
}

fn numbers(kind: Kind, cells: &[Cell]) -> Array {
    let (dtype, width) = match kind {
        Kind::Float => ("<f8", 8),
        Kind::Int => ("<i8", 8),
        _ => ("|b1", 1),
    };
    let mut bytes = Vec::with_capacity(cells.len() * width);
    for cell in cells {
        match cell {
            Cell::Plain(Leaf::Float(number)) => bytes.extend_from_slice(&number.to_le_bytes()),
            Cell::Plain(Leaf::Int(number)) => bytes.extend_from_slice(&number.to_le_bytes()),
            Cell::Plain(Leaf::Bool(value)) => bytes.push(u8::from(*value)),
            _ => bytes.resize(bytes.len() + width, 0),
        }
    }
    Array::of_bytes(dtype, &[cells.len()], bytes)
}

fn texts(cells: &[Cell], draft: &mut Draft) -> wire::TextColumn {
    let mut data = Vec::new();
    let mut sizes_bytes = Vec::with_capacity(cells.len());
    for cell in cells {
        if let Cell::Plain(Leaf::Text(text)) = cell {
            data.extend_from_slice(text.as_bytes());
            sizes_bytes.push(text.len() as i64);
        } else {
            sizes_bytes.push(-1);
        }
    }
    let data = Some(draft.payload(data));
    wire::TextColumn { data, sizes_bytes: Some(Array::new(&sizes_bytes, &[sizes_bytes.len()]).encode(draft)) }
}

fn cell_value(cell: Cell, draft: &mut Draft) -> Result<wire::Value, String> {
    match cell {
        Cell::Empty => Ok(wire::Value::default()),
        Cell::Plain(leaf) => Ok(leaf.into_value()),
        Cell::Record(value) => encode(value, draft).map(|record| Leaf::Record(Box::new(record)).into_value()),
    }
}
