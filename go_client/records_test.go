package trackd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// encoded returns a record as it is sent, and the draft that has its bytes.
func encoded(t *testing.T, record Record) (*pb.TypedRecord, *draft) {
	t.Helper()
	draft := &draft{}
	made, err := encodeRecord("key", record, draft)
	if err != nil {
		t.Fatal(err)
	}
	return made, draft
}

// bytesOf returns the content of a payload.
func (d *draft) bytesOf(payload *pb.Payload) []byte {
	if within := payload.GetRange(); within != nil {
		return d.data[within.GetOffset() : within.GetOffset()+within.GetSizeBytes()]
	}
	for _, each := range d.objects {
		if each.payload == payload {
			return each.content
		}
	}
	return nil
}

func checkArray(t *testing.T, draft *draft, array *pb.Array, dtype string, shape []int64, content []byte) {
	t.Helper()
	if array.GetDtype() != dtype || !reflect.DeepEqual(array.GetShape(), shape) || !bytes.Equal(draft.bytesOf(array.GetData()), content) {
		t.Errorf("array is %v with %v", array, draft.bytesOf(array.GetData()))
	}
	if array.GetData().GetRange().GetOffset()%payloadAlignment != 0 {
		t.Errorf("the range begins at %d", array.GetData().GetRange().GetOffset())
	}
}

func doubles(numbers ...float64) []byte {
	var data []byte
	for _, number := range numbers {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(number))
	}
	return data
}

func TestImages(t *testing.T) {
	made, draft := encoded(t, Image{Pixels: []uint8{1, 2, 3, 4, 5, 6}, Shape: []int{1, 2, 3}, Caption: "a", FileType: "webp"})
	checkArray(t, draft, made.GetImage().GetRaw(), "|u1", []int64{1, 2, 3}, []byte{1, 2, 3, 4, 5, 6})
	if made.GetImage().GetCaption() != "a" || made.GetImage().GetFileType() != "webp" {
		t.Error(made)
	}
	made, draft = encoded(t, &Image{Pixels: []float64{0, 1}, Shape: []int{2, 1}})
	checkArray(t, draft, made.GetImage().GetRaw(), "<f8", []int64{2, 1}, doubles(0, 1))
	made, draft = encoded(t, Image{Pixels: []bool{false, true}, Shape: []int{2, 1}})
	checkArray(t, draft, made.GetImage().GetRaw(), "|b1", []int64{2, 1}, []byte{0, 1})

	grey := image.NewGray(image.Rect(5, 5, 7, 6))
	grey.SetGray(6, 5, color.Gray{Y: 9})
	made, draft = encoded(t, Image{Picture: grey})
	checkArray(t, draft, made.GetImage().GetRaw(), "|u1", []int64{1, 2}, []byte{0, 9})
	opaque := image.NewRGBA(image.Rect(0, 0, 1, 1))
	opaque.Set(0, 0, color.RGBA{1, 2, 3, 255})
	made, draft = encoded(t, Image{Picture: opaque})
	checkArray(t, draft, made.GetImage().GetRaw(), "|u1", []int64{1, 1, 3}, []byte{1, 2, 3})
	clear := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	clear.Set(0, 0, color.NRGBA{1, 2, 3, 100})
	made, draft = encoded(t, Image{Picture: clear})
	checkArray(t, draft, made.GetImage().GetRaw(), "|u1", []int64{1, 1, 4}, []byte{1, 2, 3, 100})

	var file bytes.Buffer
	if err := png.Encode(&file, grey); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "picture.jpg") // known by its content, whatever its name
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	made, draft = encoded(t, Image{Path: path})
	payload := made.GetImage().GetEncoded()
	if payload.GetMediaType() != "image/png" || payload.GetFileName() != "picture.jpg" || !bytes.Equal(draft.bytesOf(payload), file.Bytes()) {
		t.Error(payload)
	}
	for start, mediaType := range map[string]string{
		"\xff\xd8\xff\xe0": "image/jpeg", "GIF89a": "image/gif", "BM....": "image/bmp", "RIFF....WEBPVP8 ": "image/webp",
		"\n<?xml version='1.0'?><SVG>": "image/svg+xml",
	} {
		made, _ = encoded(t, Image{Encoded: []byte(start)})
		if made.GetImage().GetEncoded().GetMediaType() != mediaType {
			t.Errorf("%q is %v", start, made)
		}
	}
}

func TestHistograms(t *testing.T) {
	made, draft := encoded(t, Histogram{Values: []float64{0, 1}, Bins: 512})
	checkArray(t, draft, made.GetHistogram().GetRaw(), "<f8", []int64{2}, doubles(0, 1))
	if made.GetHistogram().GetBinCount() != 512 {
		t.Error(made)
	}
	type level int16
	made, draft = encoded(t, Histogram{Values: []level{-1, 2}})
	checkArray(t, draft, made.GetHistogram().GetRaw(), "<i2", []int64{2}, []byte{255, 255, 2, 0})
	if made.GetHistogram().GetBinCount() != histogramBinsDefault {
		t.Error(made)
	}
	made, _ = encoded(t, Histogram{Counts: []float64{1, 2}, Edges: []float64{0, 1, 2}})
	if !reflect.DeepEqual(made.GetHistogram().GetCounts(), []float64{1, 2}) || len(made.GetHistogram().GetEdges()) != 3 {
		t.Error(made)
	}
}

func TestTables(t *testing.T) {
	table := NewTable("n", "x", "b", "t", "mixed", "records", "nothing")
	table.AddRow(1, 0.5, true, "one", 1, Image{Pixels: []uint8{7}, Shape: []int{1, 1}}, nil)
	table.AddRow(nil, math.Inf(1), false, nil, "two", nil, nil)
	made, draft := encoded(t, table)
	columns := made.GetTable().GetColumns()
	checkArray(t, draft, columns[0].GetNumbers(), "<i8", []int64{2}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	checkArray(t, draft, columns[0].GetValidity(), "|b1", []int64{2}, []byte{1, 0})
	checkArray(t, draft, columns[1].GetNumbers(), "<f8", []int64{2}, doubles(0.5, math.Inf(1)))
	checkArray(t, draft, columns[2].GetNumbers(), "|b1", []int64{2}, []byte{1, 0})
	checkArray(t, draft, columns[3].GetTexts().GetSizesBytes(), "<i8", []int64{2}, []byte{3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	if columns[1].GetValidity() != nil || string(draft.bytesOf(columns[3].GetTexts().GetData())) != "one" {
		t.Error(columns)
	}
	if cells := columns[4].GetValues().GetCells(); cells[0].GetIntValue() != 1 || cells[1].GetStringValue() != "two" {
		t.Error(cells)
	}
	if cells := columns[5].GetValues().GetCells(); cells[0].GetRecordValue().GetImage() == nil || cells[1].GetKind() != nil {
		t.Error(cells)
	}
	if cells := columns[6].GetValues().GetCells(); len(cells) != 2 || cells[0].GetKind() != nil {
		t.Error(cells)
	}
	if made, _ = encoded(t, NewTable("a")); made.GetTable().GetColumns()[0].GetCells() != nil || made.GetTable().GetRowCount() != 0 {
		t.Error(made)
	}
}

func TestObjects3D(t *testing.T) {
	for _, points := range []any{[][]float64{{0, 1, 2}, {3, 4, 5}}, [][3]float64{{0, 1, 2}, {3, 4, 5}}, []float64{0, 1, 2, 3, 4, 5}} {
		made, draft := encoded(t, Object3D{Points: points})
		checkArray(t, draft, made.GetObject_3D().GetScene().GetPoints(), "<f8", []int64{2, 3}, doubles(0, 1, 2, 3, 4, 5))
	}
	made, _ := encoded(t, Object3D{Points: make([]float32, 12), PointSize: 6, Caption: "a"})
	if points := made.GetObject_3D().GetScene().GetPoints(); points.GetDtype() != "<f4" || !reflect.DeepEqual(points.GetShape(), []int64{2, 6}) {
		t.Error(made)
	}
	made, _ = encoded(t, Object3D{Encoded: []byte("v 0 0 0"), FileType: "obj"})
	if made.GetObject_3D().GetFileType() != "obj" {
		t.Error(made)
	}
}

func TestWhatCannotBeARecord(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.png")
	for name, test := range map[string]struct {
		record Record
		says   []string
	}{
		"nothing":           {Image{}, []string{"give one"}},
		"two sources":       {Image{Encoded: []byte("BM"), Path: "x"}, []string{"give one"}},
		"too few pixels":    {Image{Pixels: []uint8{1, 2, 3}, Shape: []int{2, 2, 3}}, []string{"3 Pixels", "12"}},
		"no shape":          {Image{Pixels: []uint8{1}}, []string{"Shape", "[]"}},
		"two channels":      {Image{Pixels: []uint8{1, 2}, Shape: []int{1, 1, 2}}, []string{"[1 1 2]"}},
		"huge shape":        {Image{Pixels: []uint8{1}, Shape: []int{math.MaxInt, math.MaxInt}}, []string{"Shape"}},
		"negative shape":    {Image{Pixels: []uint8{1}, Shape: []int{-1, -1}}, []string{"Shape"}},
		"pixels of int":     {Image{Pixels: []int{1}, Shape: []int{1, 1}}, []string{"[]int"}},
		"bright pixel":      {Image{Pixels: []float32{255}, Shape: []int{1, 1}}, []string{"255", "0 to 1"}},
		"NaN pixel":         {Image{Pixels: []float64{math.NaN()}, Shape: []int{1, 1}}, []string{"NaN"}},
		"file type":         {Image{Pixels: []uint8{1}, Shape: []int{1, 1}, FileType: "tiff"}, []string{"tiff", "png"}},
		"empty picture":     {Image{Picture: image.NewGray(image.Rect(0, 0, 0, 5))}, []string{"0 x 5"}},
		"no file":           {Image{Path: missing}, []string{"missing.png"}},
		"empty file":        {Image{Encoded: []byte{}}, []string{"empty"}},
		"no image":          {Image{Encoded: []byte("%PDF")}, []string{"PNG"}},
		"513 bins":          {Histogram{Values: []float64{1}, Bins: 513}, []string{"513", "512"}},
		"-1 bins":           {Histogram{Values: []float64{1}, Bins: -1}, []string{"-1"}},
		"texts":             {Histogram{Values: []string{"a"}}, []string{"[]string"}},
		"no values":         {Histogram{}, []string{"Values"}},
		"both":              {Histogram{Values: []int{1}, Counts: []float64{1}}, []string{"both"}},
		"edges":             {Histogram{Counts: []float64{1}, Edges: []float64{0}}, []string{"1 Counts", "1 Edges"}},
		"descending edges":  {Histogram{Counts: []float64{1}, Edges: []float64{1, 0}}, []string{"edge 1"}},
		"negative count":    {Histogram{Counts: []float64{-1}, Edges: []float64{0, 1}}, []string{"count 0"}},
		"no counts":         {Histogram{Counts: []float64{}, Edges: []float64{0}}, []string{"0 bins"}},
		"short row":         {Table{Columns: []string{"a", "b"}, Rows: [][]any{{1, 2}, {3}}}, []string{"row 1", "1 cells", "2 columns"}},
		"cell":              {Table{Columns: []string{"a"}, Rows: [][]any{{func() {}}}}, []string{"row 0", `"a"`, "func()"}},
		"record in a cell":  {Table{Columns: []string{"a"}, Rows: [][]any{{Image{}}}}, []string{"row 0", "Image"}},
		"mixed and large":   {Table{Columns: []string{"a"}, Rows: [][]any{{1}, {strings.Repeat("x", 1<<20)}, {strings.Repeat("x", 1<<20)}, {strings.Repeat("x", 1<<20)}, {strings.Repeat("x", 1<<20)}}}, []string{`"a"`, "mixed"}},
		"no points":         {Object3D{}, []string{"give one"}},
		"points of two":     {Object3D{Points: [][]float64{{1, 2}}}, []string{"2 numbers", "3, 4 or 6"}},
		"points of all":     {Object3D{Points: [][]float64{{1, 2, 3}, {1, 2}}}, []string{"point 1", "2 numbers"}},
		"flat points":       {Object3D{Points: []float32{1, 2, 3, 4}}, []string{"4 numbers"}},
		"points of int":     {Object3D{Points: [][]int{{1, 2, 3}}}, []string{"[][]int"}},
		"points of nothing": {Object3D{Points: 1}, []string{"int"}},
		"model":             {Object3D{Encoded: []byte("x"), FileType: "max"}, []string{"max", "gltf"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := logged(t, Values{"key": test.record})
			var wrong *ValueError
			if !errors.As(err, &wrong) || wrong.Key != "key" {
				t.Fatalf("the error is %v", err)
			}
			if !contains([]string{err.Error()}, append(test.says, `"key"`, test.record.recordName())...) {
				t.Errorf("the error is %q; it must say %q", err, test.says)
			}
		})
	}
}

func TestLargePayloadsBecomeObjects(t *testing.T) {
	_, draft := encoded(t, Image{Pixels: make([]uint8, objectBytesMin), Shape: []int{1024, 1024}})
	if len(draft.objects) != 1 || len(draft.data) != 0 {
		t.Errorf("%d objects and %d bytes", len(draft.objects), len(draft.data))
	}
	half := Image{Pixels: make([]uint8, objectBytesMin-1), Shape: []int{1, objectBytesMin - 1}}
	draft = newDraft(t, recordList{half, half, half})
	if len(draft.objects) != 1 || len(draft.data) > inlineBytesMax {
		t.Errorf("%d objects and %d bytes", len(draft.objects), len(draft.data))
	}
}

func newDraft(t *testing.T, records recordList) *draft {
	t.Helper()
	draft := &draft{}
	if _, err := encodeRecord("key", records, draft); err != nil {
		t.Fatal(err)
	}
	return draft
}
