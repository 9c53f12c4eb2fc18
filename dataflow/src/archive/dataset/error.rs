//! Why rows cannot be written or read.

/// What is wrong with a file or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataError {
    /// The file is not what was written: cut short, altered, of another dataset.
    Corrupt(String),
    /// The bytes could not be had.
    Read(String),
    /// A row that no file can hold.
    Row(String),
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DataError::Corrupt(why) => write!(f, "the file is damaged or not of this archive: {why}"),
            DataError::Read(why) => write!(f, "cannot be read: {why}"),
            DataError::Row(why) => write!(f, "a row that cannot be kept: {why}"),
        }
    }
}

impl std::error::Error for DataError {}
