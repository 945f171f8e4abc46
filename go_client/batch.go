package trackd

import (
	"encoding/binary"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

const (
	batchBytesMax   = 1 << 20 // about how large a batch is; one record alone may take more
	columnsRowCount = 65_536  // the most rows of one record of columns
)

// item is what one call has said: a row, or a record that is made already.
type item struct {
	timeUnixNanos int64
	row           *row // plain; nil where record is set
	record        *pb.Record
	objects       []*object
	sizeBytes     int // in memory
	wireBytes     int // of a message, where it stands alone
}

// outgoing is a record as it is sent, and what it is made of.
type outgoing struct {
	record    *pb.Record
	objects   []*object
	itemCount int64
	sizeBytes int
}

// cutBatch makes records of the items at the front, as many as a batch holds, and returns how many items these are. Consecutive
// rows that fit together become one record of columns, which costs the daemon a tenth.
func cutBatch(items []item) (batch []*outgoing, count int) {
	wireBytes := 0
	for count < len(items) && (count == 0 || wireBytes+items[count].wireBytes <= batchBytesMax) {
		first := &items[count]
		made := &outgoing{record: first.record, objects: first.objects, itemCount: 1, sizeBytes: first.sizeBytes}
		wireBytes += first.wireBytes
		count++
		if first.row != nil {
			start := count - 1
			for count < len(items) && count-start < columnsRowCount && items[count].row != nil && items[count].row.fits(first.row) {
				size := columnBytes(items[count].row)
				if wireBytes+size > batchBytesMax {
					break
				}
				wireBytes += size
				made.itemCount++
				made.sizeBytes += items[count].sizeBytes
				count++
			}
			made.record = rowsRecord(items[start:count])
		}
		batch = append(batch, made)
	}
	return batch, count
}

// columnBytes returns about how many bytes a row adds to columns.
func columnBytes(r *row) int {
	size := 16
	for _, each := range r.cells {
		size += 8 + len(each.text)
	}
	return size
}

// rowsRecord makes one record of rows that fit together.
func rowsRecord(items []item) *pb.Record {
	first := items[0]
	if len(items) == 1 {
		return &pb.Record{TimeUnixNanos: first.timeUnixNanos, Kind: &pb.Record_Row{Row: first.row.message()}}
	}
	columns := &pb.RowColumns{
		TimesUnixNanos: make([]int64, len(items)),
		Columns:        make([]*pb.Column, len(first.row.keys)),
	}
	if first.row.hasStep {
		columns.Steps = make([]int64, len(items))
	}
	for number, each := range items {
		columns.TimesUnixNanos[number] = each.timeUnixNanos
		if first.row.hasStep {
			columns.Steps[number] = each.row.step
		}
	}
	for position, key := range first.row.keys {
		columns.Columns[position] = column(key, position, items)
	}
	return &pb.Record{TimeUnixNanos: first.timeUnixNanos, Kind: &pb.Record_RowColumns{RowColumns: columns}}
}

func column(key string, position int, items []item) *pb.Column {
	made := &pb.Column{Key: key}
	switch kind := items[0].row.cells[position].kind; kind {
	case cellText:
		texts := make([]string, len(items))
		for number, each := range items {
			texts[number] = each.row.cells[position].text
		}
		made.Values = &pb.Column_Strings{Strings: &pb.StringColumn{Values: texts}}
	case cellBool:
		truths := make([]bool, len(items))
		for number, each := range items {
			truths[number] = each.row.cells[position].bits != 0
		}
		made.Values = &pb.Column_Bools{Bools: &pb.BoolColumn{Values: truths}}
	default:
		data := make([]byte, 0, 8*len(items))
		for _, each := range items {
			data = binary.LittleEndian.AppendUint64(data, each.row.cells[position].bits)
		}
		if kind == cellInt {
			made.Values = &pb.Column_Ints{Ints: data}
		} else {
			made.Values = &pb.Column_Doubles{Doubles: data}
		}
	}
	return made
}
