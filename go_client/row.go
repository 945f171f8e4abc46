package trackd

import (
	"math"
	"slices"
	"strings"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/protobuf/proto"
)

// partBytesMax is how large a row may grow before the rest of it goes into a record of its own, which belongs to the same step.
const partBytesMax = 1 << 20

// What is kept of a row in memory beside its values, about: they count against the bound of the buffer.
const (
	itemBytes = 128
	cellBytes = 64
)

// commitChoice is the caller's choice of whether the step is done.
type commitChoice uint8

const (
	commitUnset commitChoice = iota
	commitTrue
	commitFalse
)

func (c commitChoice) pointer() *bool {
	if c == commitUnset {
		return nil
	}
	return proto.Bool(c == commitTrue)
}

// rowOptions are what the caller said of a row beside its values.
type rowOptions struct {
	step    int64
	hasStep bool
	commit  commitChoice
}

// row is a row whose values are all plain, kept small so that rows of the same keys can become columns.
type row struct {
	rowOptions
	keys  []string
	cells []cell
}

// fits says whether the row can stand in the same columns as another one: the same keys, types and options.
func (r *row) fits(other *row) bool {
	return len(r.keys) > 0 && r.commit == commitUnset && other.commit == commitUnset && r.hasStep == other.hasStep &&
		slices.Equal(r.keys, other.keys) &&
		slices.EqualFunc(r.cells, other.cells, func(left, right cell) bool { return left.kind == right.kind })
}

// message returns the row as the message of one row.
func (r *row) message() *pb.Row {
	message := &pb.Row{Commit: r.commit.pointer(), Values: make([]*pb.Entry, len(r.keys))}
	if r.hasStep {
		message.Step = proto.Int64(r.step)
	}
	for position, key := range r.keys {
		message.Values[position] = &pb.Entry{Key: key, Value: r.cells[position].value()}
	}
	return message
}

// rowBuilder gathers the values of a row into one item, or into several where a message could not hold them.
type rowBuilder struct {
	timeUnixNanos int64
	options       rowOptions
	items         []item
	keys          []string
	cells         []cell
	draft         *draft
	partBytes     int
	isPlain       bool
	positions     map[string]int // of the keys; nil where none can come twice
}

func newRowBuilder(timeUnixNanos int64, options rowOptions, values Values) *rowBuilder {
	builder := &rowBuilder{
		timeUnixNanos: timeUnixNanos, options: options, isPlain: true,
		keys: make([]string, 0, len(values)), cells: make([]cell, 0, len(values)), draft: &draft{},
	}
	// A dotted key can be that of a nested value too; it then keeps the last of them.
	for key := range values {
		if strings.Contains(key, ".") {
			builder.positions = make(map[string]int, len(values))
			break
		}
	}
	return builder
}

// add adds a value.
func (b *rowBuilder) add(key string, value any) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if b.partBytes >= partBytesMax {
		// The step is done with the last part only.
		held := b.options
		if held.commit = commitFalse; held.hasStep {
			held.commit = commitUnset
		}
		b.close(held)
	}
	before := len(b.draft.data)
	made, err := toCell(key, value, b.draft)
	if err != nil {
		return err
	}
	size := made.wireBytes(valueBytes) + len(b.draft.data) - before
	if size > valueBytesAllowed {
		return valueErrorf(key, "value of %q takes %d bytes of a message; the limit is %d: log a part of it", key, size, valueBytesAllowed)
	}
	b.partBytes += len(key) + size
	b.isPlain = b.isPlain && made.kind != cellMessage
	if position, isThere := b.positions[key]; isThere {
		b.cells[position] = made
		return nil
	}
	if b.positions != nil {
		b.positions[key] = len(b.keys)
	}
	b.keys, b.cells = append(b.keys, key), append(b.cells, made)
	return nil
}

// setTime takes the time of the row from a number of seconds since 1970.
func (b *rowBuilder) setTime(value any) {
	simple, _ := simplify("_timestamp", value)
	seconds, isFloat := simple.(float64)
	if integer, isInteger := simple.(int64); isInteger {
		seconds, isFloat = float64(integer), true
	}
	if isFloat && math.Abs(seconds) < math.MaxInt64/1e9 {
		b.timeUnixNanos = int64(seconds * 1e9)
	}
}

// isEmpty says whether nothing was added.
func (b *rowBuilder) isEmpty() bool { return len(b.items) == 0 && len(b.keys) == 0 }

// finish returns the items.
func (b *rowBuilder) finish() []item {
	b.close(b.options)
	return b.items
}

func (b *rowBuilder) close(options rowOptions) {
	made := row{options, b.keys, b.cells}
	each := item{timeUnixNanos: b.timeUnixNanos, wireBytes: b.partBytes + 32}
	each.sizeBytes = itemBytes + cellBytes*len(b.keys) + b.partBytes + b.draft.sizeBytes() - len(b.draft.data)
	if b.isPlain {
		each.row = &made
	} else {
		each.record = withData(&pb.Record{
			TimeUnixNanos: b.timeUnixNanos, Kind: &pb.Record_Row{Row: made.message()},
		}, b.draft)
		each.objects = b.draft.objects
	}
	b.items = append(b.items, each)
	b.keys, b.cells, b.draft, b.partBytes, b.isPlain = nil, nil, &draft{}, 0, true
	clear(b.positions)
}

func withData(record *pb.Record, draft *draft) *pb.Record {
	if len(draft.data) > 0 {
		record.Data = &pb.Record_DataInline{DataInline: draft.data}
	}
	return record
}

func valueBytes(value *pb.Value) int { return proto.Size(value) }
