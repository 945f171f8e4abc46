//! Owns `Image`: raw pixels, or an encoded file.

use std::path::Path;

use super::array::Array;
use super::files::Content;
use super::{Draft, Element, Pixel};
use crate::errors::Error;
use crate::wire;
use crate::wire::image::Source;

const CHANNELS: [usize; 3] = [1, 3, 4];
/// The first bytes of the files that browsers show.
const SIGNATURES: [(&[u8], &str); 6] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"<svg", "image/svg+xml"),
];
/// An XML head and comments may stand before the root of an SVG.
const SVG_HEAD_BYTES: usize = 4096;

/// An image: raw pixels, or an encoded file that is kept byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    source: Pixels,
    caption: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Pixels {
    Raw(Array),
    Encoded { content: Content, media_type: &'static str },
}

impl Image {
    /// Makes an image of raw pixels, row by row, the channels of a pixel side by side.
    ///
    /// `shape` is `[height, width]`, or `[height, width, channels]` with 1 (grey), 3 (red, green, blue) or 4 channels (and
    /// alpha). Pixels are `u8`, or `f32` and `f64` in 0 to 1. They are copied.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the shape is another one, there are more or fewer pixels than it says, or a float is not in 0 to 1.
    pub fn from_pixels<T: Pixel>(pixels: &[T], shape: &[usize]) -> Result<Self, Error> {
        let is_shape = match *shape {
            [_, _] => true,
            [_, _, channels] => CHANNELS.contains(&channels),
            _ => false,
        };
        if !is_shape || shape.contains(&0) {
            return Err(Error::Value(format!(
                "Image: the shape is {shape:?}; it can be [height, width], or [height, width, channels] of 1, 3 or 4 channels, none of them 0"
            )));
        }
        let count = shape.iter().try_fold(1, |product: usize, &length| product.checked_mul(length));
        if count != Some(pixels.len()) {
            return Err(Error::Value(format!(
                "Image: there are {} numbers and the shape is {shape:?}; give height x width x channels numbers",
                pixels.len()
            )));
        }
        if T::DTYPE != u8::DTYPE
            && let Some(number) = pixels.iter().position(|pixel| !(0.0..=1.0).contains(&pixel.as_f64()))
        {
            return Err(Error::Value(format!(
                "Image: number {number} is {}; floats are in 0 to 1: divide by the largest, or give u8",
                pixels[number].as_f64()
            )));
        }
        Ok(Self { source: Pixels::Raw(Array::new(pixels, shape)), caption: String::new() })
    }

    /// Makes an image of the bytes of a PNG, JPEG, GIF, WebP, BMP or SVG file.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when they are none of these.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        Self::of_content(Content::of_bytes(bytes.into(), "Image")?)
    }

    /// Makes an image of a PNG, JPEG, GIF, WebP, BMP or SVG file, which is read at once.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when the file cannot be read, or is none of these.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::of_content(Content::of_file(path.as_ref(), "Image")?)
    }

    /// Puts a text under the image.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    fn of_content(content: Content) -> Result<Self, Error> {
        let Some(media_type) = recognise(&content.bytes) else {
            let name =
                if content.file_name.is_empty() { "content".into() } else { format!("file {:?}", content.file_name) };
            return Err(Error::Value(format!(
                "Image: the {name} is no image that browsers show; it can be PNG, JPEG, GIF, WebP, BMP or SVG: decode others and give their pixels"
            )));
        };
        Ok(Self { source: Pixels::Encoded { content, media_type }, caption: String::new() })
    }

    pub(crate) fn encode(self, draft: &mut Draft) -> wire::Image {
        let source = match self.source {
            Pixels::Raw(array) => Source::Raw(array.encode(draft)),
            Pixels::Encoded { content, media_type } => Source::Encoded(wire::Payload {
                media_type: media_type.into(),
                file_name: content.file_name,
                ..draft.payload(content.bytes)
            }),
        };
        wire::Image { source: Some(source), caption: self.caption, ..Default::default() }
    }
}

/// Returns the media type of an image file by its content.
fn recognise(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    if let Some((_, media_type)) = SIGNATURES.iter().find(|(first, _)| bytes.starts_with(first)) {
        return Some(media_type);
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(SVG_HEAD_BYTES)]).to_lowercase();
    let text = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let is_svg = ["<svg", "<?xml", "<!--", "<!doctype svg"].iter().any(|first| text.starts_with(first));
    (is_svg && text.contains("<svg")).then_some("image/svg+xml")
}
