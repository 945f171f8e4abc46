#![doc = include_str!("../README.md")]

mod columns;
mod connection;
mod console;
mod endpoint;
mod entries;
mod errors;
mod inner;
mod metric;
mod outbox;
mod process;
mod records;
mod retry;
mod run;
mod sender;
mod settings;
mod shared;
#[cfg(test)]
mod tests;
mod values;
mod wire;
mod worker;

pub use console::Stream;
pub use errors::Error;
pub use metric::{Alert, Goal, Level, Metric};
pub use records::{Element, Histogram, Image, Object3D, Pixel, Table};
pub use run::{Config, Console, Row, Run, Summary, init};
pub use settings::{Mode, Options};
pub use values::{Value, Values};

/// The version of this crate, for example "0.1.0".
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
