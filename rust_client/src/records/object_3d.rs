//! Owns `Object3D`: points, or a model file.

use std::path::Path;

use super::array::Array;
use super::files::Content;
use super::{Draft, Element};
use crate::errors::Error;
use crate::wire;
use crate::wire::object3_d::Source;

const FILE_TYPES: [&str; 5] = ["obj", "gltf", "glb", "stl", "ply"];
const POINT_SIZES: [usize; 3] = [3, 4, 6];

/// A 3D object: points, or a model file that is kept byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Object3D {
    source: Shape,
    caption: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Points(Array),
    Model { content: Content, file_type: String },
}

impl Object3D {
    /// Makes an object of points: x, y and z each; with a category behind; or with red, green and blue in 0 to 255 behind.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when a point has not 3, 4 or 6 numbers, or there are no points.
    pub fn from_points<T: Element, const N: usize>(points: &[[T; N]]) -> Result<Self, Error> {
        Self::from_flat_points(points.as_flattened(), N)
    }

    /// Makes an object of the numbers of its points, one point behind the other, each of `point_size` numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] as `from_points`, or when the last point is not whole.
    pub fn from_flat_points<T: Element>(numbers: &[T], point_size: usize) -> Result<Self, Error> {
        if !POINT_SIZES.contains(&point_size) {
            return Err(Error::Value(format!(
                "Object3D: a point has {point_size} numbers; it can have 3, 4 with a category, or 6 with red, green and blue"
            )));
        }
        if numbers.is_empty() || !numbers.len().is_multiple_of(point_size) {
            return Err(Error::Value(format!(
                "Object3D: there are {} numbers for points of {point_size}; give at least one point, and all of them whole",
                numbers.len()
            )));
        }
        let shape = [numbers.len() / point_size, point_size];
        Ok(Self { source: Shape::Points(Array::new(numbers, &shape)), caption: String::new() })
    }

    /// Makes an object of the bytes of a model file of a type: "obj", "gltf", "glb", "stl" or "ply".
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the type is another one, or there are no bytes.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, file_type: &str) -> Result<Self, Error> {
        Self::of_content(Content::of_bytes(bytes.into(), "Object3D")?, file_type)
    }

    /// Makes an object of a model file whose name ends in .obj, .gltf, .glb, .stl or .ply; it is read at once.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the file cannot be read, or its name ends otherwise.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let content = Content::of_file(path.as_ref(), "Object3D")?;
        let file_type = content.suffix();
        Self::of_content(content, &file_type)
    }

    /// Puts a text under the object.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    fn of_content(content: Content, file_type: &str) -> Result<Self, Error> {
        if !FILE_TYPES.contains(&file_type) {
            return Err(Error::Value(format!(
                "Object3D: the file type is {file_type:?}; it can be {}: convert the model",
                FILE_TYPES.join(", ")
            )));
        }
        Ok(Self { source: Shape::Model { content, file_type: file_type.into() }, caption: String::new() })
    }

    pub(crate) fn encode(self, draft: &mut Draft) -> wire::Object3D {
        let mut object = wire::Object3D { caption: self.caption, ..Default::default() };
        object.source = Some(match self.source {
            Shape::Points(array) => {
                Source::Scene(wire::Scene3D { points: Some(array.encode(draft)), ..Default::default() })
            }
            Shape::Model { content, file_type } => {
                object.file_type = file_type;
                Source::Encoded(wire::Payload { file_name: content.file_name, ..draft.payload(content.bytes) })
            }
        });
        object
    }
}
