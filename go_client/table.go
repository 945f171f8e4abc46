package trackd

import (
	"fmt"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/protobuf/proto"
)

// Table is rows of cells under named columns.
type Table struct {
	// Columns are the names; they need not be unique.
	Columns []string
	// Rows are the rows, each with one cell a column: what Run.Log takes, a typed record among it, or nil for an empty cell.
	Rows [][]any
}

// NewTable returns a table of these columns without rows.
func NewTable(columns ...string) *Table { return &Table{Columns: columns} }

// AddRow adds a row, one cell a column. What is wrong with it is said when the table is logged.
func (t *Table) AddRow(cells ...any) { t.Rows = append(t.Rows, cells) }

func (Table) recordName() string { return "Table" }

func (t Table) encode(draft *draft) (*pb.TypedRecord, error) {
	for number, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return nil, fmt.Errorf("row %d has %d cells and there are %d columns; give one cell a column", number, len(row), len(t.Columns))
		}
	}
	message := &pb.Table{RowCount: int64(len(t.Rows))}
	for position, name := range t.Columns {
		cells := make([]cell, len(t.Rows))
		for number, row := range t.Rows {
			var err error
			if cells[number], err = tableCell(row[position], draft); err != nil {
				return nil, fmt.Errorf("the cell in row %d of column %q: %w", number, name, err)
			}
		}
		column, err := encodeColumn(validText(name), cells, draft)
		if err != nil {
			return nil, err
		}
		message.Columns = append(message.Columns, column)
	}
	return &pb.TypedRecord{Kind: &pb.TypedRecord_Table{Table: message}}, nil
}

func tableCell(value any, draft *draft) (cell, error) {
	simple, err := simplify("cell", value)
	if err != nil || simple == nil {
		return cell{kind: cellEmpty}, err
	}
	return simpleToCell("cell", simple, draft)
}

// encodeColumn writes the cells in the cheapest exact form.
func encodeColumn(name string, cells []cell, draft *draft) (*pb.TableColumn, error) {
	column := &pb.TableColumn{Name: name}
	if len(cells) == 0 {
		return column, nil
	}
	only, hasEmpty, isMixed := cellEmpty, false, false
	for _, each := range cells {
		switch {
		case each.kind == cellEmpty:
			hasEmpty = true
		case only == cellEmpty:
			only = each.kind
		case only != each.kind:
			isMixed = true
		}
	}
	switch {
	case isMixed || only == cellMessage || only == cellEmpty:
		list := &pb.CellList{Cells: make([]*pb.Value, len(cells))}
		for position, each := range cells {
			list.Cells[position] = each.value()
		}
		column.Cells = &pb.TableColumn_Values{Values: list}
		if size := proto.Size(column); size > valueBytesAllowed {
			return nil, fmt.Errorf("column %q of mixed cells takes %d bytes; the limit is %d: give its cells one type, or log fewer rows",
				name, size, valueBytesAllowed)
		}
	case only == cellText:
		column.Cells = &pb.TableColumn_Texts{Texts: encodeTexts(cells, draft)}
	default:
		column.Cells = &pb.TableColumn_Numbers{Numbers: encodeNumbers(only, cells, draft)}
		if hasEmpty {
			column.Validity = encodeValidity(cells, draft)
		}
	}
	return column, nil
}

func encodeTexts(cells []cell, draft *draft) *pb.TextColumn {
	var texts []byte
	sizes := numbers{dtype: "<i8", count: len(cells)}
	for _, each := range cells {
		size := uint64(len(each.text))
		if each.kind == cellEmpty {
			size = ^uint64(0) // -1
		}
		texts = append(texts, each.text...)
		sizes.data = appendBits(sizes.data, size, 8)
	}
	return &pb.TextColumn{Data: draft.owned(texts), SizesBytes: draft.array(sizes, len(cells))}
}

func encodeNumbers(kind cellKind, cells []cell, draft *draft) *pb.Array {
	elements := numbers{dtype: map[cellKind]string{cellFloat: "<f8", cellInt: "<i8", cellBool: "|b1"}[kind], count: len(cells)}
	for _, each := range cells {
		elements.data = appendBits(elements.data, each.bits, int(elements.dtype[2]-'0'))
	}
	return draft.array(elements, len(cells))
}

func encodeValidity(cells []cell, draft *draft) *pb.Array {
	elements := numbers{dtype: "|b1", count: len(cells)}
	for _, each := range cells {
		elements.data = append(elements.data, byte(boolCell(each.kind != cellEmpty).bits))
	}
	return draft.array(elements, len(cells))
}
