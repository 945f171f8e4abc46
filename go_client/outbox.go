package trackd

import (
	"context"
	"fmt"
	"sync"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/protobuf/proto"
)

// lingerTime is how long the first item waits for others, so that rows gather.
const lingerTime = 20 * time.Millisecond

// outbox keeps what was said until the daemon has acknowledged it, in bounded memory.
//
// Items wait in pending. The sender cuts a batch of them into sending, where records stay, unchanged, until they are acknowledged:
// the first of them has the sequence acknowledged + 1, and the others follow. So neither what was dropped nor what was refused
// leaves a gap.
type outbox struct {
	bytesMax int64
	warn     func(string)
	// wake holds a token when the sender has something to look at: an item, a waiter, the end.
	wake chan struct{}

	mutex        sync.Mutex
	pending      []item
	pendingSince time.Time // when the first item came to an empty queue; zero where it is to go at once
	pendingBytes int
	sending      []*outgoing
	acknowledged int64 // a sequence
	sizeBytes    int64 // of all items that are kept
	accepted     int64 // how many items were taken
	settled      int64 // how many of them are durable, or refused
	refused      int64
	dropped      int64 // how many items were not taken
	isDropping   bool
	droppedNow   int64 // since isDropping
	waiters      int   // of flush and finish
	isClosed     bool
	failure      error         // why the run cannot be tracked
	changed      chan struct{} // closed and made anew when settled or failure change
}

func newOutbox(bytesMax int64, warn func(string)) *outbox {
	return &outbox{bytesMax: bytesMax, warn: warn, wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

// put takes the items of one call, all or none; false when the outbox is closed. What does not fit is dropped and counted.
func (o *outbox) put(items ...item) bool {
	taken, sentence := o.take(items)
	if sentence != "" {
		o.warn(sentence)
	}
	return taken
}

func (o *outbox) take(items []item) (taken bool, sentence string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.isClosed {
		return false, ""
	}
	size := 0
	for _, each := range items {
		size += each.sizeBytes
	}
	if o.failure != nil {
		o.dropped += int64(len(items))
		return true, ""
	}
	if o.sizeBytes+int64(size) > o.bytesMax {
		o.dropped += int64(len(items))
		o.droppedNow += int64(len(items))
		if !o.isDropping {
			o.isDropping = true
			sentence = fmt.Sprintf("the buffer of %d bytes is full, since the daemon takes nothing or too little: "+
				"what is logged now is dropped", o.bytesMax)
		}
		return true, sentence
	}
	if len(o.pending) == 0 {
		o.pendingSince = time.Now()
	}
	o.pending = append(o.pending, items...)
	o.pendingBytes += size
	o.sizeBytes += int64(size)
	o.accepted += int64(len(items))
	// The first item wakes the sender, and the one that makes a batch whole: not each one.
	if len(o.pending) == len(items) || o.pendingBytes >= batchBytesMax && o.pendingBytes-size < batchBytesMax {
		o.signal()
	}
	return true, ""
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close ends the taking of items. What is there is still sent.
func (o *outbox) close() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !o.isClosed {
		o.isClosed = true
		o.waiters++ // finish waits from now on
		o.signal()
	}
}

func (o *outbox) closed() bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.isClosed
}

// isAwaited says whether flush or finish waits.
func (o *outbox) isAwaited() bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.waiters > 0
}

// next waits for records to send: those that are not acknowledged yet, else a new batch. It returns none when the outbox is
// closed and empty, and when ctx ends.
func (o *outbox) next(ctx context.Context) (records []*outgoing, first int64) {
	for {
		records, first, isDone, linger := o.cut()
		if isDone || ctx.Err() != nil {
			return records, first
		}
		var ready <-chan time.Time
		var timer *time.Timer
		if linger > 0 {
			timer = time.NewTimer(linger)
			ready = timer.C
		}
		select {
		case <-o.wake:
		case <-ready:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// cut is next without the wait; linger is how long the first item still waits for others, 0 where there is none.
func (o *outbox) cut() (records []*outgoing, first int64, isDone bool, linger time.Duration) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if len(o.sending) == 0 && len(o.pending) == 0 {
		return nil, 0, o.isClosed, 0
	}
	if len(o.sending) == 0 {
		if o.waiters == 0 && o.pendingBytes < batchBytesMax && !o.pendingSince.IsZero() {
			if linger = lingerTime - time.Since(o.pendingSince); linger > 0 {
				return nil, 0, false, linger
			}
		}
		// Nobody else takes items out, and what is put in comes behind: so no call of log waits for the batch to be made.
		items := o.pending
		o.mutex.Unlock()
		batch, count := cutBatch(items)
		o.mutex.Lock()
		for _, each := range items[:count] {
			o.pendingBytes -= each.sizeBytes
		}
		clear(o.pending[:count]) // the memory is free once the batch is acknowledged
		if o.pending = o.pending[count:]; len(o.pending) == 0 {
			o.pending = nil
		}
		o.sending = batch
		o.pendingSince = time.Time{}
	}
	return o.sending, o.acknowledged + 1, true, 0
}

// acknowledge settles the records up to a sequence; returns how many these are.
func (o *outbox) acknowledge(sequence int64) int64 {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	count := min(max(sequence-o.acknowledged, 0), int64(len(o.sending)))
	o.settle(int(count))
	o.acknowledged += count
	return count
}

// goOnFrom settles what a daemon says that it has, or begins to count from there where it has less than was acknowledged: what it
// has lost cannot be sent again. Says whether that changes anything.
func (o *outbox) goOnFrom(sequence int64) bool {
	settled := o.acknowledge(sequence)
	o.mutex.Lock()
	defer o.mutex.Unlock()
	isMoved := o.acknowledged != sequence && sequence >= 0
	if isMoved {
		o.acknowledged = sequence
	}
	return settled > 0 || isMoved
}

// refuseFirst drops the first record of those being sent.
func (o *outbox) refuseFirst() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.refused += o.sending[0].itemCount
	o.settle(1)
}

func (o *outbox) settle(count int) {
	for _, each := range o.sending[:count] {
		o.settled += each.itemCount
		o.sizeBytes -= int64(each.sizeBytes)
	}
	clear(o.sending[:count])
	if o.sending = o.sending[count:]; len(o.sending) == 0 {
		o.sending = nil
	}
	if count > 0 {
		o.tellChange()
	}
}

func (o *outbox) tellChange() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// endOfLoss returns a sentence when what was logged was dropped and is kept again.
func (o *outbox) endOfLoss() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	// Half: at the edge, loss would begin and end with every batch.
	if !o.isDropping || o.sizeBytes > o.bytesMax/2 {
		return ""
	}
	count := o.droppedNow
	o.isDropping, o.droppedNow = false, 0
	return fmt.Sprintf("the buffer has room again: %d records were dropped meanwhile", count)
}

// fail drops everything, from now on too.
func (o *outbox) fail(reason error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.failure != nil {
		return
	}
	o.failure = reason
	o.dropped += o.accepted - o.settled
	o.pending, o.sending, o.pendingBytes, o.sizeBytes = nil, nil, 0, 0
	o.tellChange()
}

// flush waits until everything that was taken before is settled, and returns how many items are not, with the reason.
func (o *outbox) flush(ctx context.Context, ended <-chan struct{}) (int64, error) {
	o.mutex.Lock()
	target := o.accepted
	o.waiters++
	o.signal()
	defer func() {
		o.waiters--
		o.mutex.Unlock()
	}()
	for o.settled < target && o.failure == nil {
		changed := o.changed
		o.mutex.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		case <-ended:
			err = context.Canceled
		}
		o.mutex.Lock()
		if err != nil && o.settled < target && o.failure == nil {
			return target - o.settled, err
		}
	}
	return 0, o.failure
}

// counts say how the items fared.
type counts struct {
	waiting, refused, dropped int64
	sizeBytes                 int64
	nextSequence              int64
}

func (o *outbox) counts() counts {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return counts{o.accepted - o.settled, o.refused, o.dropped, o.sizeBytes, o.acknowledged + 1}
}

// recordItem is the item of a record other than a plain row.
func recordItem(record *pb.Record, draft *draft) item {
	size := proto.Size(record)
	return item{
		timeUnixNanos: record.TimeUnixNanos, record: record, objects: draft.objects,
		sizeBytes: itemBytes + size + draft.sizeBytes() - len(draft.data), wireBytes: size,
	}
}
