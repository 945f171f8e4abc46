//! Owns `Histogram`: numbers that the daemon bins, or bins that were made already.

use super::array::Array;
use super::{Draft, Element};
use crate::errors::Error;
use crate::wire;

/// The contract's limit: more bins than a heat map has pixels.
const BINS_MAX: usize = 512;
const BINS_DEFAULT: usize = 64;

/// A histogram of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    source: Bins,
}

#[derive(Clone, Debug, PartialEq)]
enum Bins {
    Raw { values: Array, bin_count: usize },
    Made { counts: Vec<f64>, edges: Vec<f64> },
}

impl Histogram {
    /// Makes a histogram of numbers, with 64 bins of equal width. NaN and infinities are counted apart.
    #[must_use]
    pub fn new<T: Element>(values: &[T]) -> Self {
        let values = Array::new(values, &[values.len()]);
        Self { source: Bins::Raw { values, bin_count: BINS_DEFAULT } }
    }

    /// Makes a histogram of numbers with 1 to 512 bins of equal width.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when there are more or fewer bins.
    pub fn with_bins<T: Element>(values: &[T], bin_count: usize) -> Result<Self, Error> {
        check_bin_count(bin_count)?;
        let values = Array::new(values, &[values.len()]);
        Ok(Self { source: Bins::Raw { values, bin_count } })
    }

    /// Makes a histogram of counts, 0 or more each, and of their ascending edges, one more than counts.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when there are more than 512 counts or none, the edges do not fit or ascend, or a count is negative.
    pub fn from_counts(counts: &[f64], edges: &[f64]) -> Result<Self, Error> {
        check_bin_count(counts.len())?;
        if edges.len() != counts.len() + 1 {
            return Err(Error::Value(format!(
                "Histogram: there are {} counts and {} edges; give one more edge than counts",
                counts.len(),
                edges.len()
            )));
        }
        let ascends = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if let Some(edge) = edges.iter().find(|edge| !edge.is_finite() || !ascends) {
            return Err(Error::Value(format!(
                "Histogram: the edges, {edge} among them, are no ascending finite numbers; sort them, each greater than the one before"
            )));
        }
        if let Some(count) = counts.iter().find(|count| !(count.is_finite() && **count >= 0.0)) {
            return Err(Error::Value(format!(
                "Histogram: a count is {count}; counts are 0 or more: give how many values a bin has"
            )));
        }
        Ok(Self { source: Bins::Made { counts: counts.to_vec(), edges: edges.to_vec() } })
    }

    pub(crate) fn encode(self, draft: &mut Draft) -> wire::Histogram {
        match self.source {
            Bins::Raw { values, bin_count } => {
                wire::Histogram { raw: Some(values.encode(draft)), bin_count: bin_count as i32, ..Default::default() }
            }
            Bins::Made { counts, edges } => wire::Histogram { edges, counts, ..Default::default() },
        }
    }
}

fn check_bin_count(count: usize) -> Result<(), Error> {
    if (1..=BINS_MAX).contains(&count) {
        return Ok(());
    }
    Err(Error::Value(format!("Histogram: there are {count} bins; it can have 1 to {BINS_MAX}: ask for as many")))
}
