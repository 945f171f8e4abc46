package trackd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/protobuf/proto"
)

// rowOf is the item of a row.
func rowOf(t testing.TB, values Values, options rowOptions) item {
	t.Helper()
	builder := newRowBuilder(1, options, values)
	flatten(values, func(key string, value any) {
		if err := builder.add(key, value); err != nil {
			t.Fatal(err)
		}
	}, func(err error) { t.Fatal(err) })
	items := builder.finish()
	if len(items) != 1 {
		t.Fatalf("%d items", len(items))
	}
	return items[0]
}

func recordsOf(batch []*outgoing) []*pb.Record {
	var records []*pb.Record
	for _, each := range batch {
		records = append(records, each.record)
	}
	return records
}

func TestWhatIsJoined(t *testing.T) {
	stepped := func(step int64) rowOptions { return rowOptions{step: step, hasStep: true} }
	for name, test := range map[string]struct {
		items []item
		kinds string // r for a row, c for columns, o for another
	}{
		"alike":           {[]item{rowOf(t, Values{"a": 1, "b": "x"}, rowOptions{}), rowOf(t, Values{"b": "y", "a": 2}, rowOptions{})}, "c"},
		"alone":           {[]item{rowOf(t, Values{"a": 1}, rowOptions{})}, "r"},
		"other types":     {[]item{rowOf(t, Values{"a": 1}, rowOptions{}), rowOf(t, Values{"a": 1.5}, rowOptions{})}, "rr"},
		"other keys":      {[]item{rowOf(t, Values{"a": 1}, rowOptions{}), rowOf(t, Values{"b": 1}, rowOptions{})}, "rr"},
		"steps":           {[]item{rowOf(t, Values{"a": true}, stepped(4)), rowOf(t, Values{"a": false}, stepped(2))}, "c"},
		"step and none":   {[]item{rowOf(t, Values{"a": 1}, stepped(4)), rowOf(t, Values{"a": 1}, rowOptions{})}, "rr"},
		"commit":          {[]item{rowOf(t, Values{"a": 1}, rowOptions{commit: commitFalse}), rowOf(t, Values{"a": 1}, rowOptions{commit: commitFalse})}, "rr"},
		"lists":           {[]item{rowOf(t, Values{"a": []int{1}}, rowOptions{}), rowOf(t, Values{"a": []int{1}}, rowOptions{})}, "rr"},
		"empty":           {[]item{rowOf(t, nil, rowOptions{}), rowOf(t, nil, rowOptions{})}, "rr"},
		"record between":  {[]item{rowOf(t, Values{"a": 1}, rowOptions{}), recordItem(&pb.Record{}, &draft{}), rowOf(t, Values{"a": 1}, rowOptions{})}, "ror"},
		"first two alike": {[]item{rowOf(t, Values{"a": 1}, rowOptions{}), rowOf(t, Values{"a": 1}, rowOptions{}), rowOf(t, Values{"b": 1}, rowOptions{})}, "cr"},
	} {
		t.Run(name, func(t *testing.T) {
			batch, count := cutBatch(test.items)
			kinds := ""
			for _, record := range recordsOf(batch) {
				switch record.GetKind().(type) {
				case *pb.Record_Row:
					kinds += "r"
				case *pb.Record_RowColumns:
					kinds += "c"
				default:
					kinds += "o"
				}
			}
			if kinds != test.kinds || count != len(test.items) {
				t.Errorf("%d items became %q; %q was expected", count, kinds, test.kinds)
			}
		})
	}
}

// TestBatchesHoldTheRowsThatWereLogged is a property: whatever rows are logged, the batches hold them, in their order, each once, and
// no batch is too large.
func TestBatchesHoldTheRowsThatWereLogged(t *testing.T) {
	property := func(seed uint64) bool {
		chance := rand.New(rand.NewPCG(seed, 0))
		var items []item
		var want []map[string]any
		for number := range chance.IntN(300) {
			values, plain := Values{}, map[string]any{}
			for position := range chance.IntN(3) {
				key := fmt.Sprintf("k%d", position)
				values[key] = []any{int64(number), float64(number), number%2 == 0, strings.Repeat("t", chance.IntN(20_000))}[chance.IntN(4)]
				plain[key] = values[key]
			}
			options := rowOptions{}
			if chance.IntN(3) == 0 {
				options = rowOptions{step: int64(number), hasStep: true}
				plain["step"] = int64(number)
			}
			items, want = append(items, rowOf(t, values, options)), append(want, plain)
		}
		var records []*pb.Record
		for len(items) > 0 {
			batch, count := cutBatch(items)
			size, itemCount := 0, int64(0)
			for _, each := range batch {
				size += proto.Size(each.record)
				itemCount += each.itemCount
			}
			if count == 0 || int64(count) != itemCount || size > batchBytesMax+1<<16 {
				t.Logf("a batch of %d items has %d bytes", count, size)
				return false
			}
			records, items = append(records, recordsOf(batch)...), items[count:]
		}
		return reflect.DeepEqual(expandRows(records), want)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 50}); err != nil {
		t.Error(err)
	}
}

func TestBufferIsBounded(t *testing.T) {
	told := &warnings{}
	outbox := newOutbox(1<<20, told.add)
	text := strings.Repeat("x", 100_000)
	for range 20 {
		if !outbox.put(rowOf(t, Values{"text": text}, rowOptions{})) {
			t.Fatal("the outbox is closed")
		}
	}
	counts := outbox.counts()
	if counts.waiting+counts.dropped != 20 || counts.dropped < 10 || counts.sizeBytes > 1<<20 {
		t.Errorf("counts are %+v", counts)
	}
	if sentences := told.all(); len(sentences) != 1 || !contains(sentences, "full") {
		t.Errorf("warnings are %q", sentences)
	}
	if sentence := outbox.endOfLoss(); sentence != "" {
		t.Error(sentence)
	}
	for outbox.counts().waiting > 0 {
		records, first := outbox.next(t.Context())
		outbox.acknowledge(first + int64(len(records)) - 1)
	}
	if sentence := outbox.endOfLoss(); !strings.Contains(sentence, fmt.Sprint(counts.dropped)) {
		t.Errorf("the end of the loss is %q", sentence)
	}
	if left := outbox.counts(); left.sizeBytes != 0 || outbox.pendingBytes != 0 {
		t.Errorf("%d bytes are left", left.sizeBytes)
	}
}

func TestSequencesHaveNoGaps(t *testing.T) {
	outbox := newOutbox(1<<20, func(string) {})
	for number := range 5 {
		outbox.put(rowOf(t, Values{"n": number}, rowOptions{commit: commitTrue}))
	}
	records, first := outbox.next(t.Context())
	if len(records) != 5 || first != 1 {
		t.Fatalf("%d records from %d", len(records), first)
	}
	if count := outbox.acknowledge(2); count != 2 {
		t.Errorf("%d records are acknowledged", count)
	}
	outbox.refuseFirst()
	records, first = outbox.next(t.Context())
	if len(records) != 2 || first != 3 {
		t.Errorf("%d records from %d", len(records), first)
	}
	if outbox.goOnFrom(2) {
		t.Error("a gap where there is none changes something")
	}
	if !outbox.goOnFrom(0) {
		t.Error("a daemon that lost records is not heard")
	}
	if _, first = outbox.next(t.Context()); first != 1 {
		t.Errorf("it goes on from %d", first)
	}
	if !outbox.goOnFrom(7) {
		t.Error("a daemon that has more is not heard")
	}
	if counts := outbox.counts(); counts.waiting != 0 || counts.refused != 1 || counts.nextSequence != 8 {
		t.Errorf("counts are %+v", counts)
	}
}

func TestRowsGather(t *testing.T) {
	outbox := newOutbox(1<<20, func(string) {})
	start := time.Now()
	outbox.put(rowOf(t, Values{"n": 0}, rowOptions{}))
	go func() {
		for number := range 9 {
			outbox.put(rowOf(t, Values{"n": number + 1}, rowOptions{}))
		}
	}()
	outbox.next(t.Context())
	if passed := time.Since(start); passed < lingerTime/2 {
		t.Errorf("the first row did not wait for others: %v", passed)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	outbox.acknowledge(1)
	outbox.next(ended) // returns
}

func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	outbox := newOutbox(1<<20, func(string) {})
	outbox.close()
	outbox.close()
	if outbox.put(rowOf(t, Values{"n": 0}, rowOptions{})) {
		t.Error("a closed outbox takes a row")
	}
	if records, _ := outbox.next(t.Context()); records != nil {
		t.Error("a closed and empty outbox has records")
	}
}
