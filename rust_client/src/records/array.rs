//! Owns arrays of numbers: their types, and their little-endian bytes.

use super::Draft;
use crate::wire;

mod sealed {
    pub trait Sealed {}
}

/// A number of an array: `u8`, `i32`, `i64`, `f32` or `f64`.
pub trait Element: Copy + sealed::Sealed {
    #[doc(hidden)]
    const DTYPE: &'static str;
    #[doc(hidden)]
    fn push_to(self, bytes: &mut Vec<u8>);
    #[doc(hidden)]
    fn as_f64(self) -> f64;
}

/// A pixel's channel: `u8`, or `f32` and `f64` in 0 to 1.
pub trait Pixel: Element {}

macro_rules! element {
    ($($type:ty: $dtype:literal),+) => {
        $(
            impl sealed::Sealed for $type {}
            impl Element for $type {
                const DTYPE: &'static str = $dtype;
                fn push_to(self, bytes: &mut Vec<u8>) {
                    bytes.extend_from_slice(&self.to_le_bytes());
                }
                fn as_f64(self) -> f64 {
                    self as f64
                }
            }
        )+
    };
}

element! { u8: "|u1", i32: "<i4", i64: "<i8", f32: "<f4", f64: "<f8" }

impl Pixel for u8 {}
impl Pixel for f32 {}
impl Pixel for f64 {}

/// An array as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub dtype: &'static str,
    pub shape: Vec<i64>,
    pub bytes: Vec<u8>,
}

impl Array {
    pub fn new<T: Element>(elements: &[T], shape: &[usize]) -> Self {
        let mut bytes = Vec::with_capacity(size_of_val(elements));
        for &element in elements {
            element.push_to(&mut bytes);
        }
        Self::of_bytes(T::DTYPE, shape, bytes)
    }

    pub fn of_bytes(dtype: &'static str, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self { dtype, shape: shape.iter().map(|&length| length as i64).collect(), bytes }
    }

    pub fn encode(self, draft: &mut Draft) -> wire::Array {
        wire::Array { dtype: self.dtype.into(), shape: self.shape, data: Some(draft.payload(self.bytes)) }
    }
}
