package trackd

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"math"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// Image is a picture: one of Picture, Pixels with Shape, Encoded and Path is given.
type Image struct {
	// Picture is an image of the standard library; it is kept with 8 bits a channel, a grey one as grey.
	Picture image.Image
	// Pixels are a slice of uint8, of bool, or of float32 or float64 in 0 to 1, row by row, the channels of a pixel side by side.
	Pixels any
	// Shape is the height, the width and, where there are any, the 1, 3 or 4 channels of Pixels.
	Shape []int
	// Encoded is the content of a PNG, JPEG, GIF, WebP, BMP or SVG file, which is kept byte for byte.
	Encoded []byte
	// Path is the path of such a file, which is read when the image is logged.
	Path string
	// Caption is a text under the image.
	Caption string
	// FileType is what pixels are encoded to: "png" (the default, exact), "jpg", "webp" or "bmp".
	FileType string
}

func (Image) recordName() string { return "Image" }

func (i Image) encode(draft *draft) (*pb.TypedRecord, error) {
	given := 0
	for _, isGiven := range []bool{i.Picture != nil, i.Pixels != nil, i.Encoded != nil, i.Path != ""} {
		if isGiven {
			given++
		}
	}
	if given != 1 {
		return nil, fmt.Errorf("%d of Picture, Pixels, Encoded and Path are given; give one of them", given)
	}
	switch i.FileType {
	case "", "png", "jpg", "webp", "bmp":
	default:
		return nil, fmt.Errorf("FileType is %q; it can be png, jpg, webp or bmp: choose one of them", i.FileType)
	}
	message := &pb.Image{Caption: validText(i.Caption), FileType: i.FileType}
	switch {
	case i.Picture != nil:
		raw, err := drawPicture(i.Picture, draft)
		if err != nil {
			return nil, err
		}
		message.Source = &pb.Image_Raw{Raw: raw}
	case i.Pixels != nil:
		raw, err := rawPixels(i.Pixels, i.Shape, draft)
		if err != nil {
			return nil, err
		}
		message.Source = &pb.Image_Raw{Raw: raw}
	default:
		content, err := readContent(i.Encoded, i.Path)
		if err != nil {
			return nil, err
		}
		mediaType := imageMediaType(content.data)
		if mediaType == "" {
			return nil, errors.New("the file is no image that browsers show; it can be PNG, JPEG, GIF, WebP, BMP or SVG: " +
				"decode others with package image and give the Picture")
		}
		payload := content.payload(draft)
		payload.MediaType = mediaType
		message.FileType = ""
		message.Source = &pb.Image_Encoded{Encoded: payload}
	}
	return &pb.TypedRecord{Kind: &pb.TypedRecord_Image{Image: message}}, nil
}

func rawPixels(pixels any, shape []int, draft *draft) (*pb.Array, error) {
	elements, known := readNumbers(pixels)
	switch elements.dtype {
	case "|u1", "|b1", "<f4", "<f8":
	default:
		known = false
	}
	if !known {
		return nil, fmt.Errorf("the Pixels are a %T; they can be a slice of uint8, bool, float32 or float64: convert them", pixels)
	}
	isImage := len(shape) == 2 || len(shape) == 3 && (shape[2] == 1 || shape[2] == 3 || shape[2] == 4)
	count, fits := 1, isImage
	for _, length := range shape {
		fits = fits && length > 0 && count <= math.MaxInt32/length
		if fits {
			count *= length
		}
	}
	if !fits {
		return nil, fmt.Errorf("the Shape is %v; it can be [height width], or [height width channels] of 1, 3 or 4 channels: correct it", shape)
	}
	if elements.count != count {
		return nil, fmt.Errorf("there are %d Pixels and Shape is %v; it takes %d: correct one of them", elements.count, shape, count)
	}
	if worst, isWrong := outsideUnit(pixels); isWrong {
		return nil, fmt.Errorf("a pixel is %v; pixels of floats are 0 to 1: scale them, or give uint8", worst)
	}
	return draft.array(elements, shape...), nil
}

// outsideUnit finds a float that is NaN or outside of 0 to 1.
func outsideUnit(pixels any) (float64, bool) {
	switch pixels := pixels.(type) {
	case []float64:
		for _, each := range pixels {
			if !(each >= 0 && each <= 1) {
				return each, true
			}
		}
	case []float32:
		for _, each := range pixels {
			if !(each >= 0 && each <= 1) {
				return float64(each), true
			}
		}
	}
	return 0, false
}

// drawPicture copies a picture of any colour model as grey or as red, green, blue and alpha.
func drawPicture(picture image.Image, draft *draft) (*pb.Array, error) {
	bounds := picture.Bounds()
	height, width := bounds.Dy(), bounds.Dx()
	if bounds.Empty() {
		return nil, fmt.Errorf("the Picture has %d x %d pixels; it has one at least: give another", width, height)
	}
	origin := image.Rect(0, 0, width, height)
	if _, isGrey := picture.(*image.Gray); isGrey {
		grey := image.NewGray(origin)
		draw.Draw(grey, origin, picture, bounds.Min, draw.Src)
		return draft.array(numbers{"|u1", grey.Pix, len(grey.Pix)}, height, width), nil
	}
	colour := image.NewNRGBA(origin)
	draw.Draw(colour, origin, picture, bounds.Min, draw.Src)
	if !colour.Opaque() {
		return draft.array(numbers{"|u1", colour.Pix, len(colour.Pix)}, height, width, 4), nil
	}
	opaque := make([]byte, 0, 3*height*width)
	for position := 0; position < len(colour.Pix); position += 4 {
		opaque = append(opaque, colour.Pix[position:position+3]...)
	}
	return draft.array(numbers{"|u1", opaque, len(opaque)}, height, width, 3), nil
}

// imageMediaType knows a file by its content, whatever its name.
func imageMediaType(data []byte) string {
	for _, known := range []struct{ start, mediaType string }{
		{"\x89PNG\r\n\x1a\n", "image/png"}, {"\xff\xd8\xff", "image/jpeg"},
		{"GIF87a", "image/gif"}, {"GIF89a", "image/gif"}, {"BM", "image/bmp"},
	} {
		if bytes.HasPrefix(data, []byte(known.start)) {
			return known.mediaType
		}
	}
	if len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP" {
		return "image/webp"
	}
	// An XML head and comments may stand before the root.
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 4096)], "\xef\xbb\xbf \t\r\n"))
	for _, start := range []string{"<svg", "<?xml", "<!--", "<!doctype svg"} {
		if bytes.HasPrefix(head, []byte(start)) && bytes.Contains(head, []byte("<svg")) {
			return "image/svg+xml"
		}
	}
	return ""
}
