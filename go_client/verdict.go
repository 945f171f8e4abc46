package trackd

import (
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// verdict is what the table of docs/protocol.md says about a failed call.
type verdict int

const (
	verdictAgain     verdict = iota // after reading the endpoint anew, with exponential backoff
	verdictOnce                     // again, but only once
	verdictGap                      // from acknowledged_sequence on
	verdictReopen                   // after CreateRun
	verdictRefused                  // never
	errorDomain      = "trackd"
	reasonGap        = "SEQUENCE_GAP"
	reasonNoWriter   = "WRITER_NOT_FOUND"
	metadataSequence = "acknowledged_sequence"
)

// judge returns the verdict on the error of a call; the sequence is that of verdictGap.
func judge(err error) (found verdict, sequence int64) {
	failure := status.Convert(err)
	switch failure.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Canceled, codes.Unauthenticated:
		return verdictAgain, 0
	case codes.OutOfRange:
		information := errorInformation(failure)
		sequence, err := strconv.ParseInt(information.GetMetadata()[metadataSequence], 10, 64)
		if information.GetReason() == reasonGap && err == nil {
			return verdictGap, sequence
		}
	case codes.FailedPrecondition:
		if errorInformation(failure).GetReason() == reasonNoWriter {
			return verdictReopen, 0
		}
	case codes.InvalidArgument, codes.ResourceExhausted, codes.NotFound:
		return verdictRefused, 0
	}
	return verdictOnce, 0
}

func errorInformation(failure *status.Status) *errdetails.ErrorInfo {
	for _, detail := range failure.Details() {
		if information, isInformation := detail.(*errdetails.ErrorInfo); isInformation && information.GetDomain() == errorDomain {
			return information
		}
	}
	return nil
}

// sentence returns what the daemon, or the transport, has said.
func sentence(err error) string { return status.Convert(err).Message() }
