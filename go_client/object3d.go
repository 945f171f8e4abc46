package trackd

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

const pointSizeDefault = 3

var modelFileTypes = []string{"obj", "gltf", "glb", "stl", "ply"}

// Object3D is a cloud of points or a 3D model: one of Points, Encoded and Path is given.
type Object3D struct {
	// Points are a slice of points, each a slice or an array of float64 or float32, or one flat slice of these with PointSize
	// numbers a point. A point is x, y, z, and behind them a category, or red, green and blue in 0 to 255.
	Points any
	// PointSize is how many numbers a point of a flat slice has: 3, 4 or 6; 0 means 3.
	PointSize int
	// Encoded is the content of a model file, which is kept byte for byte.
	Encoded []byte
	// Path is the path of a model file, which is read when the object is logged.
	Path string
	// FileType is the type of the model file: "obj", "gltf", "glb", "stl" or "ply"; by default what the path ends in.
	FileType string
	// Caption is a text under the object.
	Caption string
}

func (Object3D) recordName() string { return "Object3D" }

func (o Object3D) encode(draft *draft) (*pb.TypedRecord, error) {
	isGiven := []bool{o.Points != nil, o.Encoded != nil, o.Path != ""}
	if first := slices.Index(isGiven, true); first < 0 || slices.Contains(isGiven[first+1:], true) {
		return nil, errors.New("none or several of Points, Encoded and Path are given; give one of them")
	}
	message := &pb.Object3D{Caption: validText(o.Caption)}
	if o.Points != nil {
		elements, size, err := readPoints(o.Points, o.PointSize)
		if err != nil {
			return nil, err
		}
		points := draft.array(elements, elements.count/size, size)
		message.Source = &pb.Object3D_Scene{Scene: &pb.Scene3D{Points: points}}
	} else {
		content, err := readContent(o.Encoded, o.Path)
		if err != nil {
			return nil, err
		}
		message.FileType = firstText(o.FileType, content.suffix())
		if !slices.Contains(modelFileTypes, message.FileType) {
			return nil, fmt.Errorf("the file's type is %q; it can be obj, gltf, glb, stl or ply: give FileType", message.FileType)
		}
		message.Source = &pb.Object3D_Encoded{Encoded: content.payload(draft)}
	}
	return &pb.TypedRecord{Kind: &pb.TypedRecord_Object_3D{Object_3D: message}}, nil
}

// readPoints returns the numbers of all points, one behind the other, and how many a point has.
func readPoints(points any, size int) (numbers, int, error) {
	given := reflect.ValueOf(points)
	if given.Kind() != reflect.Slice && given.Kind() != reflect.Array {
		return numbers{}, 0, notPoints(points)
	}
	elements, isFlat := readNumbers(points)
	if isFlat && size == 0 {
		size = pointSizeDefault
	}
	if !isFlat {
		size = pointSizeDefault
		for position := range given.Len() {
			point, known := readNumbers(given.Index(position).Interface())
			if !known {
				return numbers{}, 0, notPoints(points)
			}
			if position == 0 {
				size, elements.dtype = point.count, point.dtype
			}
			if point.count != size || point.dtype != elements.dtype {
				return numbers{}, 0, fmt.Errorf("point %d has %d numbers and the first one %d; all have as many: correct it", position, point.count, size)
			}
			elements.data = append(elements.data, point.data...)
			elements.count += point.count
		}
		elements.dtype = firstText(elements.dtype, "<f8")
	}
	if size != 3 && size != 4 && size != 6 {
		return numbers{}, 0, fmt.Errorf("a point has %d numbers; it can have 3, 4 or 6: correct it", size)
	}
	if elements.count%size != 0 {
		return numbers{}, 0, fmt.Errorf("there are %d numbers, which are no points of %d; correct PointSize", elements.count, size)
	}
	if elements.dtype != "<f8" && elements.dtype != "<f4" {
		return numbers{}, 0, notPoints(points)
	}
	return elements, size, nil
}

func notPoints(points any) error {
	return fmt.Errorf("the Points are a %T; they are a slice of float64 or float32, or of slices of them: convert them", points)
}
