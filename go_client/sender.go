package trackd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/protobuf/proto"
)

// objectTime is after how long an object that no record refers to yet is put again.
const objectTime = 30 * time.Minute

// stage is which call is next.
type stage int

const (
	stageOpen stage = iota
	stageCreate
	stageAppend
	stageFinish
)

// sender is the one goroutine that talks to the daemon: it opens the run, appends what the outbox holds, and finishes the run.
type sender struct {
	chosen *settings
	begin  *pb.WriterBegin
	outbox *outbox
	*connection

	ctx    context.Context // ends when finish takes too long
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	result error         // what finish returns; read after done

	mutex    sync.Mutex
	timer    *time.Timer
	ending   *pb.WriterFinish
	hasEnded bool

	// Of the goroutine alone.
	stage       stage
	isCreated   bool
	singleCount int  // how many records are still to be sent one by one
	isSecond    bool // the call at hand has failed once where it may do so once
	reopenCount int  // in a row
	pauseCount  int  // in a row
	silentSince time.Time
	isTold      bool   // that the daemon does not answer
	health      string // what the daemon has said last of the run's rows
}

func newSender(chosen *settings, begin *pb.WriterBegin, outbox *outbox) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{
		chosen: chosen, begin: begin, outbox: outbox, ctx: ctx, cancel: cancel, done: make(chan struct{}),
		connection: &connection{chosen: chosen, launcher: &launcher{store: chosen.store, warn: chosen.onWarning}},
	}
}

// finish ends the run once everything is sent, within the time that the settings give it. Only the first call
// counts; it returns true.
func (s *sender) finish(ending *pb.WriterFinish) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ending != nil {
		return false
	}
	s.ending = ending
	if !s.hasEnded {
		s.timer = time.AfterFunc(s.chosen.finishTimeout, s.cancel)
	}
	s.outbox.close()
	return true
}

// run is the goroutine.
func (s *sender) run() {
	defer s.end()
	for s.ctx.Err() == nil {
		isOver, err := s.step()
		switch {
		case s.ctx.Err() != nil:
		case err != nil:
			isOver = s.fail(err)
		default:
			s.succeed()
		}
		if isOver {
			return
		}
	}
	s.result = s.timeout(s.outbox.counts(), nil)
}

// end leaves nothing behind: no channel, no timer, no waiter.
func (s *sender) end() {
	if failure := recover(); failure != nil {
		// A fault of the client's own must not end the program that is tracked.
		s.give(fmt.Errorf("the client of trackd has failed (%v), so nothing more of this run is tracked: please report it", failure))
	}
	s.connection.end()
	s.cancel()
	s.mutex.Lock()
	s.hasEnded = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mutex.Unlock()
	close(s.done)
}

// step makes the next call; isOver says that the run is finished.
func (s *sender) step() (isOver bool, err error) {
	s.stage = stageOpen
	if err := s.open(s.ctx); err != nil {
		return false, err
	}
	if !s.isCreated {
		s.stage = stageCreate
		if err := s.createRun(s.ctx, s.begin); err != nil {
			return false, err
		}
		s.isCreated = true
	}
	if s.outbox.counts().waiting == 0 {
		s.answered() // a long wait may follow, and the daemon is there
	}
	records, first := s.next()
	if len(records) > 0 {
		s.stage = stageAppend
		return false, s.send(records, first)
	}
	if s.ctx.Err() != nil {
		return false, s.ctx.Err()
	}
	if !s.isEnding() {
		return false, s.showLife()
	}
	s.stage = stageFinish
	err = s.finishRun(s.ctx, &pb.FinishRunRequest{
		Run: s.begin.GetRun(), WriterId: s.begin.GetWriterId(), Sequence: s.outbox.counts().nextSequence, Finish: s.ending,
	})
	return err == nil, err
}

// next waits for records, and for no longer than the run may be silent.
func (s *sender) next() ([]*outgoing, int64) {
	ctx, cancel := context.WithTimeout(s.ctx, s.chosen.lifeTime)
	defer cancel()
	return s.outbox.next(ctx)
}

func (s *sender) isEnding() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.ending != nil
}

// showLife appends nothing: the daemon takes a run that says nothing for long as gone.
func (s *sender) showLife() error {
	s.stage = stageOpen // a refusal means nothing for the records
	batch := &pb.RecordBatch{FirstSequence: s.outbox.counts().nextSequence}
	_, err := s.appendRecords(s.ctx, &pb.AppendRequest{
		Run: s.begin.GetRun(), WriterId: s.begin.GetWriterId(), Source: &pb.AppendRequest_Batch{Batch: batch},
	})
	if found, _ := judge(err); found == verdictReopen {
		s.isCreated = false
	}
	return err
}

// send appends records, and puts the objects that they refer to before.
func (s *sender) send(records []*outgoing, first int64) error {
	if s.singleCount = min(s.singleCount, len(records)); s.singleCount > 0 {
		records = records[:1]
	}
	batch := &pb.RecordBatch{FirstSequence: first}
	for _, each := range records {
		for _, object := range each.objects {
			if !object.putTime.IsZero() && time.Since(object.putTime) < objectTime {
				continue
			}
			digest, err := s.putObject(s.ctx, object.content)
			if err != nil {
				return err
			}
			object.payload.Source = &pb.Payload_Sha256{Sha256: digest}
			object.putTime = time.Now()
		}
		batch.Records = append(batch.Records, each.record)
	}
	answer, err := s.appendRecords(s.ctx, &pb.AppendRequest{
		Run: s.begin.GetRun(), WriterId: s.begin.GetWriterId(), Source: &pb.AppendRequest_Batch{Batch: batch},
	})
	if err != nil {
		return err
	}
	count := s.outbox.acknowledge(answer.GetAcknowledgedSequence())
	s.singleCount = max(0, s.singleCount-int(count))
	s.hear(answer)
	if count == 0 {
		s.pause() // the daemon has taken nothing, and said so without an error
	}
	return nil
}

// hear tells the user what an answer says beside.
func (s *sender) hear(answer *pb.AppendResponse) {
	if sentence := s.outbox.endOfLoss(); sentence != "" {
		s.warn(sentence)
	}
	if message := answer.GetIngestHealth().GetMessage(); message != "" && message != s.health {
		s.health = message
		s.warn(message)
	}
	for _, alert := range answer.GetNewAlerts() {
		if text := alert.GetText(); !s.chosen.quiet && text != "" {
			tell("alert: " + alert.GetTitle() + ": " + text)
		} else if !s.chosen.quiet {
			tell("alert: " + alert.GetTitle())
		}
	}
}

func (s *sender) warn(sentence string) { s.chosen.onWarning(sentence) }

func (s *sender) succeed() {
	s.pauseCount, s.reopenCount, s.isSecond = 0, 0, false
	s.answered()
}

// answered ends a silence of the daemon.
func (s *sender) answered() {
	s.silentSince = time.Time{}
	if s.isTold {
		s.isTold = false
		s.warn("the daemon answers again: what was logged meanwhile is sent")
	}
}

// fail does what the table of docs/protocol.md says about a failed call; true when the run cannot go on.
func (s *sender) fail(err error) bool {
	if errors.Is(err, errOtherProtocol) {
		return s.give(err)
	}
	found, sequence := judge(err)
	if s.stage == stageOpen {
		found = verdictAgain // whoever answers there may not be a daemon: the next one may be
	}
	switch found {
	case verdictAgain:
		s.forget()
		s.fallSilent(err)
		s.pause()
	case verdictGap:
		if !s.outbox.goOnFrom(sequence) {
			s.pause()
		}
	case verdictReopen:
		s.isCreated = false
		if s.reopenCount++; s.reopenCount > 1 {
			s.pause()
		}
	case verdictOnce:
		if !s.isSecond {
			s.isSecond = true
			s.pause()
			return false
		}
		return s.refused(err)
	case verdictRefused:
		return s.refused(err)
	}
	return false
}

// refused drops what the daemon does not take; true when that is the run itself.
func (s *sender) refused(err error) bool {
	s.isSecond = false
	switch s.stage {
	case stageAppend:
		records, _ := s.outbox.next(s.ctx)
		if len(records) > 1 && s.singleCount == 0 {
			s.singleCount = len(records)
			return false
		}
		s.singleCount = max(0, s.singleCount-1)
		s.outbox.refuseFirst()
		s.warn("the daemon has refused a record, which is dropped: " + sentence(err))
		return false
	case stageFinish:
		s.result = &RefusedError{fmt.Sprintf("run %s is stored, but the daemon has refused its end: %s", s.chosen.id, sentence(err)), err}
		s.warn(s.result.Error())
		return true
	}
	return s.give(fmt.Errorf("the daemon has refused run %s, so nothing of it is tracked: %s", s.chosen.id, sentence(err)))
}

// give gives the run up, with the reason.
func (s *sender) give(reason error) bool {
	s.result = &RefusedError{reason.Error(), errors.Unwrap(reason)}
	s.outbox.fail(s.result)
	s.warn(s.result.Error())
	return true
}

// fallSilent tells the user, once, when the daemon has not answered for a while.
func (s *sender) fallSilent(err error) {
	if s.silentSince.IsZero() {
		s.silentSince = time.Now()
	}
	if s.isTold || time.Since(s.silentSince) < s.chosen.silenceTime {
		return
	}
	s.isTold = true
	counts := s.outbox.counts()
	s.warn(fmt.Sprintf("the daemon does not answer (%s): %d records wait in memory, which takes %d MiB of them at most, and are sent once it does",
		sentence(err), counts.waiting, s.chosen.bufferBytesMax>>20))
}

// pause waits before the next call: 0.1 s to 30 s, twice as long each time, and no longer than 1 s while somebody waits.
func (s *sender) pause() {
	full := min(backoffMaximum, backoffMinimum<<min(s.pauseCount, 16))
	s.pauseCount++
	start := time.Now()
	length := max(backoffMinimum, full/2+rand.N(full/2+1))
	if !s.silentSince.IsZero() && !s.isTold {
		// In time to tell that the daemon is silent.
		length = min(length, max(backoffMinimum, s.chosen.silenceTime-start.Sub(s.silentSince)))
	}
	for s.ctx.Err() == nil {
		if s.outbox.isAwaited() {
			length = min(length, waitedBackoffMaximum)
		}
		rest := length - time.Since(start)
		if rest <= 0 {
			return
		}
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-s.outbox.wake:
		case <-s.ctx.Done():
		}
		timer.Stop()
	}
}

// timeout is the error of a wait that is over too early; cause is that of the caller's context, nil where the client's own time
// is up.
func (s *sender) timeout(counts counts, cause error) error {
	message := fmt.Sprintf("run %s: %d records are not durable after %v: is the daemon up? (`trackd up`)",
		s.chosen.id, counts.waiting, s.chosen.finishTimeout)
	if cause != nil {
		message = fmt.Sprintf("run %s: %d records are not durable yet (%v): wait longer, or look whether the daemon is up",
			s.chosen.id, counts.waiting, cause)
	} else if counts.waiting == 0 {
		message = fmt.Sprintf("run %s: 0 records are not durable, but the daemon has not confirmed the end after %v: "+
			"it ends the run by itself later", s.chosen.id, s.chosen.finishTimeout)
	}
	if counts.dropped > 0 {
		message += fmt.Sprintf("; %d were dropped before", counts.dropped)
	}
	return &TimeoutError{counts.waiting, message, cause}
}

// newBegin returns how this process opens the run.
func newBegin(chosen *settings) *pb.WriterBegin {
	start := &pb.RunUpdate{}
	for field, text := range map[**string]string{
		&start.Name: chosen.name, &start.Notes: chosen.notes, &start.Group: chosen.group, &start.JobType: chosen.jobType,
	} {
		if text != "" {
			*field = proto.String(text)
		}
	}
	if len(chosen.tags) > 0 {
		start.Tags = &pb.TagList{Tags: chosen.tags}
	}
	return &pb.WriterBegin{
		Run:      &pb.RunIdentity{Project: chosen.project, RunId: chosen.id},
		WriterId: randomWriterID(),
		Role:     chosen.role(),
		Start:    start,
		Process:  thisProcess(chosen.host),
		Settings: &pb.RunSettings{Captures: chosen.captures},
		Label:    chosen.label,
		Client:   "go " + Version,
	}
}
