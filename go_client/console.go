package trackd

import (
	"strings"
	"sync"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
)

// Stream is a stream of the console, for Run.Console.
type Stream int

// The streams of the console.
const (
	Stdout Stream = iota
	Stderr
)

const (
	consoleRecordBytes = 1 << 18 // of the lines of one record, about
	consoleLineBytes   = 1 << 16 // a longer line is split
	noLine             = -1
)

// console makes lines of what is written to the streams. A line that has not ended is held back until it does, or until hold is
// over; what a carriage return overwrites is left out, so that a progress bar is one line.
type console struct {
	put func(item)

	mutex   sync.Mutex
	next    int64 // the number of the next line, of both streams
	partial [2]partialLine
}

// partialLine is the line of a stream that has not ended.
type partialLine struct {
	text   string
	number int64 // noLine until some of it is sent; the whole line then replaces what was sent
	isSent bool  // and nothing has come since
}

func newConsole(put func(item)) *console {
	return &console{put: put, partial: [2]partialLine{{number: noLine}, {number: noLine}}}
}

// write takes text that was written to a stream.
func (c *console) write(stream Stream, text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	line := &c.partial[stream]
	lines := consoleLines{stream: stream, console: c}
	for text != "" {
		part, rest, hasEnded := strings.Cut(text, "\n")
		line.text, line.isSent = overwritten(line.text+part), false
		for len(line.text) > consoleLineBytes {
			cut := len(strings.ToValidUTF8(line.text[:consoleLineBytes], ""))
			if cut < consoleLineBytes-4 {
				cut = consoleLineBytes // it is no text anyway
			}
			lines.add(line, line.text[:cut])
			line.text = line.text[cut:]
		}
		if text = rest; hasEnded {
			lines.add(line, strings.TrimSuffix(line.text, "\r"))
			line.text = ""
		}
	}
	lines.send()
}

// release sends the lines that have not ended, as they are.
func (c *console) release() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for stream := range c.partial {
		line := &c.partial[stream]
		if line.text == "" || line.isSent {
			continue
		}
		lines := consoleLines{stream: Stream(stream), console: c}
		number := lines.add(line, strings.TrimSuffix(line.text, "\r"))
		line.number, line.isSent = number, true
		lines.send()
	}
}

// overwritten returns what stands in a line after its carriage returns. One at the end overwrites only what comes.
func overwritten(line string) string {
	trimmed := strings.TrimRight(line, "\r")
	shown := trimmed[strings.LastIndexByte(trimmed, '\r')+1:]
	if trimmed != line {
		shown += "\r"
	}
	return shown
}

// consoleLines gathers consecutive lines of a stream into a record.
type consoleLines struct {
	console *console
	stream  Stream
	message *pb.ConsoleLines
	bytes   int
}

// add adds a line and returns its number.
func (l *consoleLines) add(line *partialLine, text string) int64 {
	number := line.number
	if number == noLine {
		number = l.console.next
		l.console.next++
	}
	line.number = noLine
	if l.message != nil && (number != l.message.FirstLine+int64(len(l.message.Lines)) || l.bytes > consoleRecordBytes) {
		l.send()
	}
	if l.message == nil {
		l.message = &pb.ConsoleLines{Stream: pb.ConsoleStream_CONSOLE_STREAM_STDOUT + pb.ConsoleStream(l.stream), FirstLine: number}
	}
	l.message.Lines = append(l.message.Lines, validText(text))
	l.bytes += len(text)
	return number
}

func (l *consoleLines) send() {
	if l.message != nil {
		l.console.put(recordItem(&pb.Record{
			TimeUnixNanos: time.Now().UnixNano(), Kind: &pb.Record_ConsoleLines{ConsoleLines: l.message},
		}, &draft{}))
	}
	l.message, l.bytes = nil, 0
}

// consoleWriter is what Run.Console returns.
type consoleWriter struct {
	console *console
	stream  Stream
}

// Write never fails: what is written after the end of the run is not kept.
func (w consoleWriter) Write(text []byte) (int, error) {
	w.console.write(w.stream, string(text))
	return len(text), nil
}
