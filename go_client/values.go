package trackd

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// Values are values by key. See Run.Log for what a value can be.
type Values map[string]any

const (
	keyBytesMax  = 512     // the daemon's limit: a name that long is a mistake, and names are interned
	textBytesMax = 1 << 20 // the daemon's limit of a text or JSON value
	nestingMax   = 64      // deeper is a cycle or a mistake
)

// reservedPrefixes are of what the daemon measures, and of the console.
var reservedPrefixes = []string{"_system/", "_console/"}

// cellKind says which of a cell's fields holds the value.
type cellKind uint8

const (
	cellEmpty   cellKind = iota // nothing; of a table only
	cellFloat                   // bits, as IEEE 754 binary64
	cellInt                     // bits, as int64
	cellBool                    // bits, 0 or 1
	cellText                    // text
	cellMessage                 // message: JSON or a typed record
)

// cell is one value, ready to be written: what a metric has at a step, or a cell of a table.
type cell struct {
	kind    cellKind
	bits    uint64
	text    string
	message *pb.Value
}

func floatCell(number float64) cell { return cell{kind: cellFloat, bits: math.Float64bits(number)} }
func intCell(number int64) cell     { return cell{kind: cellInt, bits: uint64(number)} }

func boolCell(truth bool) cell {
	if truth {
		return cell{kind: cellBool, bits: 1}
	}
	return cell{kind: cellBool}
}

func textCell(key, text string) (cell, error) {
	text = validText(text)
	if len(text) > textBytesMax {
		return cell{}, valueErrorf(key, "value of %q is %d bytes as text; the limit is %d: log a part of it, or a statistic",
			key, len(text), textBytesMax)
	}
	return cell{kind: cellText, text: text}, nil
}

// value returns the cell as a message; a message without kind for an empty one.
func (c cell) value() *pb.Value {
	switch c.kind {
	case cellFloat:
		return &pb.Value{Kind: &pb.Value_DoubleValue{DoubleValue: math.Float64frombits(c.bits)}}
	case cellInt:
		return &pb.Value{Kind: &pb.Value_IntValue{IntValue: int64(c.bits)}}
	case cellBool:
		return &pb.Value{Kind: &pb.Value_BoolValue{BoolValue: c.bits != 0}}
	case cellText:
		return &pb.Value{Kind: &pb.Value_StringValue{StringValue: c.text}}
	case cellMessage:
		return c.message
	}
	return &pb.Value{}
}

// checkKey says why a metric's key cannot be one; nil when it can.
func checkKey(key string) error {
	switch {
	case key == "":
		return valueErrorf(key, "metric key is empty; give it a name of 1 to %d bytes", keyBytesMax)
	case len(key) > keyBytesMax:
		return valueErrorf(key, "metric key is %d bytes; the limit is %d: shorten %q", len(key), keyBytesMax, key[:24])
	case !utf8.ValidString(key):
		return valueErrorf(key, "metric key is %q; it is no valid UTF-8: give it as text", key)
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(key, prefix) {
			return valueErrorf(key, "metric key is %q; names that begin with %s are trackd's own: choose another name",
				key, strings.Join(reservedPrefixes, " or "))
		}
	}
	return nil
}

// toCell makes a cell of any value. A typed record goes into the draft; where there is none, it is refused.
func toCell(key string, value any, draft *draft) (cell, error) {
	// The commonest kinds first, without reflection.
	switch value := value.(type) {
	case float64:
		return floatCell(value), nil
	case int:
		return intCell(int64(value)), nil
	case bool:
		return boolCell(value), nil
	case string:
		return textCell(key, value)
	}
	simple, err := simplify(key, value)
	if err != nil {
		return cell{}, err
	}
	return simpleToCell(key, simple, draft)
}

// simpleToCell makes a cell of what simplify has returned.
func simpleToCell(key string, simple any, draft *draft) (cell, error) {
	switch simple := simple.(type) {
	case float64:
		return floatCell(simple), nil
	case int64:
		return intCell(simple), nil
	case bool:
		return boolCell(simple), nil
	case string:
		return textCell(key, simple)
	case Record, recordList:
		if draft == nil {
			return cell{}, misplacedRecord(key, simple)
		}
		before := *draft
		record, err := encodeRecord(key, simple, draft)
		if err != nil {
			*draft = before // what the part of it that could be encoded has left there
			return cell{}, err
		}
		return cell{kind: cellMessage, message: &pb.Value{Kind: &pb.Value_RecordValue{RecordValue: record}}}, nil
	}
	text, err := appendJSON(nil, key, simple, 0)
	if err != nil {
		return cell{}, err
	}
	if len(text) > textBytesMax {
		return cell{}, tooLongJSON(key)
	}
	return cell{kind: cellMessage, message: &pb.Value{Kind: &pb.Value_JsonValue{JsonValue: string(text)}}}, nil
}

func misplacedRecord(key string, value any) error {
	if list, isList := value.(recordList); isList {
		value = list[0]
	}
	return valueErrorf(key, "value of %q is a %s, which cannot be logged here: a typed record stands alone under a key of Log, or in a list of one kind",
		key, recordName(value))
}

// wireBytes returns about how many bytes the cell takes in a message, without its key.
func (c cell) wireBytes(measure func(*pb.Value) int) int {
	switch c.kind {
	case cellText:
		return 8 + len(c.text)
	case cellMessage:
		return 8 + measure(c.message)
	}
	return 12
}

// flatten calls visit with the dotted key and the value of every leaf, in the order of the keys. Nested maps and structs become
// dotted keys; what cannot be read goes to problem.
func flatten(values Values, visit func(key string, value any), problem func(error)) {
	members, _ := simplify("", values)
	flattenMembers(members.(mapping), "", 0, visit, problem)
}

func flattenMembers(members mapping, prefix string, depth int, visit func(string, any), problem func(error)) {
	if depth > nestingMax {
		problem(tooDeep(prefix))
		return
	}
	for _, member := range members {
		key := prefix + member.key
		switch member.value.(type) {
		case float64, int, bool, string:
			visit(key, member.value)
			continue
		}
		simple, err := simplify(key, member.value)
		if err != nil {
			problem(err)
			continue
		}
		if nested, isMap := simple.(mapping); isMap {
			flattenMembers(nested, key+".", depth+1, visit, problem)
			continue
		}
		visit(key, simple)
	}
}

func tooDeep(key string) error {
	return valueErrorf(key, "value of %q is nested deeper than %d levels: is it a cycle?", shorten(key), nestingMax)
}

func shorten(text string) string {
	if len(text) <= 40 {
		return text
	}
	return strings.ToValidUTF8(text[:40], "") + "…"
}

// validText returns text as valid UTF-8: a byte that is none is written as \xNN.
func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var valid strings.Builder
	for position := 0; position < len(text); {
		character, size := utf8.DecodeRuneInString(text[position:])
		if character == utf8.RuneError && size == 1 {
			fmt.Fprintf(&valid, `\x%02x`, text[position])
		} else {
			valid.WriteString(text[position : position+size])
		}
		position += size
	}
	return valid.String()
}
