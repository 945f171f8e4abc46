package trackd

import "fmt"

// UsageError says that a call cannot be made as it was: an option that is not allowed, or a run that is finished.
type UsageError struct {
	message string
}

// Error returns one sentence: the value seen, what is allowed, and what to do.
func (e *UsageError) Error() string { return e.message }

// ValueError says that a value cannot be logged under its key. What else was given to the call is kept.
type ValueError struct {
	// Key is the dotted key of the value, or the empty key itself.
	Key     string
	message string
}

// Error returns one sentence: the value seen, what is allowed, and what to do.
func (e *ValueError) Error() string { return e.message }

// TimeoutError says that what was logged is not durable yet, and that the wait for it is over.
type TimeoutError struct {
	// RecordCount is how many records are not known to be on the daemon's disk. A row is a record.
	RecordCount int64
	message     string
	cause       error
}

// Error returns one sentence.
func (e *TimeoutError) Error() string { return e.message }

// Timeout returns true, as the errors of package net do.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns the error of the context that ended the wait; nil where the client's own limit did.
func (e *TimeoutError) Unwrap() error { return e.cause }

// RefusedError says that the daemon takes nothing of this run, so that it is not tracked.
type RefusedError struct {
	message string
	cause   error
}

// Error returns one sentence.
func (e *RefusedError) Error() string { return e.message }

// Unwrap returns the gRPC status of the refusal; nil where there is none.
func (e *RefusedError) Unwrap() error { return e.cause }

func usageErrorf(format string, arguments ...any) error {
	return &UsageError{fmt.Sprintf(format, arguments...)}
}

func valueErrorf(key, format string, arguments ...any) error {
	return &ValueError{key, fmt.Sprintf(format, arguments...)}
}
