//! Owns the files that records are made of: reading them, and telling their type.

use std::path::Path;

use crate::errors::Error;

/// One array or file of a record: 1 GiB.
const FILE_BYTES_MAX: usize = 1 << 30;

/// The bytes of a file, and what it is called, without folders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content {
    pub bytes: Vec<u8>,
    pub file_name: String,
}

impl Content {
    /// Takes bytes; `what` names the record in the error.
    pub fn of_bytes(bytes: Vec<u8>, what: &str) -> Result<Self, Error> {
        check_size(&bytes, what, "content")?;
        Ok(Self { bytes, file_name: String::new() })
    }

    /// Reads a file.
    pub fn of_file(path: &Path, what: &str) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|error| {
            Error::Value(format!("{what}: the file {path:?} cannot be read: {error}; give the path of a file"))
        })?;
        check_size(&bytes, what, &format!("file {path:?}"))?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { bytes, file_name })
    }

    /// Returns the ending of the file's name in lower case, without its dot; empty for none.
    pub fn suffix(&self) -> String {
        let suffix = Path::new(&self.file_name).extension().unwrap_or_default();
        suffix.to_string_lossy().to_lowercase()
    }
}

fn check_size(bytes: &[u8], what: &str, source: &str) -> Result<(), Error> {
    if (1..=FILE_BYTES_MAX).contains(&bytes.len()) {
        return Ok(());
    }
    Err(Error::Value(format!(
        "{what}: the {source} has {} bytes; it can have 1 to {FILE_BYTES_MAX}: give a whole file",
        bytes.len()
    )))
}
