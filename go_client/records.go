package trackd

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

const (
	objectBytesMin      = 1 << 20 // a payload from this size on is an object of its own
	inlineBytesMax      = 2 << 20 // the payloads of one record that travel in its message
	payloadAlignment    = 8
	recordListCountMax  = 100_000
	messageBytesMax     = 4 << 20 // the daemon's limit of a message
	messageBytesAllowed = messageBytesMax - 1<<19
	valueBytesAllowed   = messageBytesAllowed - partBytesMax // of one value: the others of its row may take as much as a part
)

// Record is a typed record: an Image, a Histogram, a Table or an Object3D. Its content is copied when it is logged; encoding it is
// the daemon's work.
type Record interface {
	// recordName returns what the record is called in sentences.
	recordName() string
	// encode copies the content into the draft. An error says what is wrong, without the key.
	encode(draft *draft) (*pb.TypedRecord, error)
}

func recordName(value any) string {
	if record, isRecord := value.(Record); isRecord {
		return record.recordName()
	}
	return fmt.Sprintf("%T", value)
}

// object is a payload that is sent before the record that refers to it.
type object struct {
	content []byte
	payload *pb.Payload // gets the sha256
	putTime time.Time   // when the daemon last got it
}

// draft gathers the payloads of one record of the protocol.
type draft struct {
	data    []byte
	objects []*object
}

// payload returns where the content, which is copied, will be found.
func (d *draft) payload(content []byte) *pb.Payload {
	if d.isObject(content) {
		content = append([]byte(nil), content...)
	}
	return d.owned(content)
}

// owned is payload for content that nobody else will change.
func (d *draft) owned(content []byte) *pb.Payload {
	if d.isObject(content) {
		payload := &pb.Payload{}
		d.objects = append(d.objects, &object{content: content, payload: payload})
		return payload
	}
	offset := d.align()
	d.data = append(d.data, content...)
	return rangePayload(offset, len(content))
}

func (d *draft) isObject(content []byte) bool {
	return len(content) >= objectBytesMin || len(d.data)+len(content) > inlineBytesMax
}

func (d *draft) align() int {
	for len(d.data)%payloadAlignment != 0 {
		d.data = append(d.data, 0)
	}
	return len(d.data)
}

func rangePayload(offset, size int) *pb.Payload {
	return &pb.Payload{Source: &pb.Payload_Range{Range: &pb.ByteRange{Offset: int64(offset), SizeBytes: int64(size)}}}
}

// sizeBytes returns how much memory the payloads take.
func (d *draft) sizeBytes() int {
	size := len(d.data)
	for _, each := range d.objects {
		size += len(each.content)
	}
	return size
}

// array copies a plain array; of is one of what makeArray returns.
func (d *draft) array(of numbers, shape ...int) *pb.Array {
	array := &pb.Array{Dtype: of.dtype, Data: d.owned(of.data)}
	for _, length := range shape {
		array.Shape = append(array.Shape, int64(length))
	}
	return array
}

// numbers are elements as the protocol has them, copied from a slice.
type numbers struct {
	dtype string
	data  []byte // little-endian
	count int
}

// readNumbers copies a slice of numbers or truth values of any Go type; false where it is none.
func readNumbers(values any) (numbers, bool) {
	switch values := values.(type) {
	case []float64:
		data := make([]byte, 0, 8*len(values))
		for _, each := range values {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(each))
		}
		return numbers{"<f8", data, len(values)}, true
	case []float32:
		data := make([]byte, 0, 4*len(values))
		for _, each := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(each))
		}
		return numbers{"<f4", data, len(values)}, true
	case []uint8:
		return numbers{"|u1", append([]byte{}, values...), len(values)}, true
	}
	given := reflect.ValueOf(values)
	if !given.IsValid() || given.Kind() != reflect.Slice && given.Kind() != reflect.Array {
		return numbers{}, false
	}
	dtype, known := dtypes[given.Type().Elem().Kind()]
	if !known {
		return numbers{}, false
	}
	size := int(dtype[2] - '0')
	data := make([]byte, 0, size*given.Len())
	for position := range given.Len() {
		data = appendBits(data, elementBits(given.Index(position)), size)
	}
	return numbers{dtype, data, given.Len()}, true
}

var dtypes = map[reflect.Kind]string{
	reflect.Bool: "|b1", reflect.Float32: "<f4", reflect.Float64: "<f8",
	reflect.Int: "<i8", reflect.Int8: "|i1", reflect.Int16: "<i2", reflect.Int32: "<i4", reflect.Int64: "<i8",
	reflect.Uint: "<u8", reflect.Uint8: "|u1", reflect.Uint16: "<u2", reflect.Uint32: "<u4", reflect.Uint64: "<u8",
}

func elementBits(element reflect.Value) uint64 {
	switch {
	case element.Kind() == reflect.Bool:
		return boolCell(element.Bool()).bits
	case element.Kind() == reflect.Float32:
		return uint64(math.Float32bits(float32(element.Float())))
	case element.CanFloat():
		return math.Float64bits(element.Float())
	case element.CanInt():
		return uint64(element.Int())
	}
	return element.Uint()
}

func appendBits(data []byte, bits uint64, size int) []byte {
	for range size {
		data = append(data, byte(bits))
		bits >>= 8
	}
	return data
}

// encodeRecord encodes a Record or a recordList for a key.
func encodeRecord(key string, value any, draft *draft) (*pb.TypedRecord, error) {
	if records, isList := value.(recordList); isList {
		if len(records) > recordListCountMax {
			return nil, valueErrorf(key, "value of %q is a list of %d records; the limit is %d: log fewer", key, len(records), recordListCountMax)
		}
		encoded := &pb.RecordList{}
		for _, each := range records {
			record, err := encodeRecord(key, each, draft)
			if err != nil {
				return nil, err
			}
			encoded.Records = append(encoded.Records, record)
		}
		return &pb.TypedRecord{Kind: &pb.TypedRecord_List{List: encoded}}, nil
	}
	record := value.(Record)
	encoded, err := record.encode(draft)
	if err != nil {
		return nil, valueErrorf(key, "value of %q, %s: %s", key, record.recordName(), strings.TrimSpace(err.Error()))
	}
	return encoded, nil
}
