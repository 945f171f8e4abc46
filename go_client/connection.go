package trackd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	chunkBytes           = 1 << 20 // of an object, at most
	chunkTimeout         = time.Second
	answerBytesMax       = 64 << 20
	backoffMinimum       = 100 * time.Millisecond
	backoffMaximum       = 30 * time.Second
	waitedBackoffMaximum = time.Second // while flush or finish waits
)

// errOtherProtocol ends the tracking: a daemon of another protocol would not understand what is sent.
var errOtherProtocol = errors.New("another version of the protocol")

// connection is the channel to the daemon, made anew when the endpoint changes. It belongs to the sender's goroutine, but for the
// address of the page.
type connection struct {
	chosen    *settings
	launcher  *launcher
	channel   *grpc.ClientConn
	to        endpoint
	isGreeted bool     // the daemon has answered the handshake and no call has failed since
	lock      *os.File // of the store's daemon; nil for an address

	httpAddress atomic.Pointer[string]
}

// open reads the endpoint, makes the channel and greets the daemon, as far as that is not done.
func (c *connection) open(ctx context.Context) error {
	if c.isGreeted {
		return nil
	}
	found, err := findEndpoint(c.chosen)
	if err == nil {
		err = c.connect(ctx, found)
	}
	if isAbsence(err) && c.chosen.startDaemon {
		c.launcher.launch(ctx)
	}
	return err
}

func (c *connection) connect(ctx context.Context, found endpoint) error {
	if c.channel == nil || found != c.to {
		c.close()
		channel, err := dial(found)
		if err != nil {
			return err
		}
		c.channel, c.to = channel, found
	}
	c.channel.ResetConnectBackoff()
	ctx, cancel := c.call(ctx, c.chosen.callTimeout)
	defer cancel()
	answer, err := pb.NewRunServiceClient(c.channel).GetDaemon(ctx, &pb.GetDaemonRequest{ClientVersion: Version})
	if err != nil {
		return err
	}
	if answer.GetProtocolVersion() != protocolVersion {
		return fmt.Errorf("the daemon speaks version %d of the protocol (trackd %s) and this client version %d, so nothing of this run is tracked: "+
			"install the same version of both (%w)", answer.GetProtocolVersion(), answer.GetVersion(), protocolVersion, errOtherProtocol)
	}
	c.isGreeted = true
	c.holdLock()
	address := answer.GetHttpAddress()
	c.httpAddress.Store(&address)
	return nil
}

// holdLock keeps the store's lock file open, unlocked: by that the daemon knows that the process id of the writer is this process's,
// and notices when it is gone.
func (c *connection) holdLock() {
	if c.chosen.address != "" {
		return
	}
	path := filepath.Join(c.chosen.store, "daemon.lock")
	if c.lock != nil {
		held, heldError := c.lock.Stat()
		found, foundError := os.Stat(path)
		if heldError == nil && foundError == nil && os.SameFile(held, found) {
			return
		}
		_ = c.lock.Close()
	}
	c.lock, _ = os.Open(path)
}

// end leaves nothing open.
func (c *connection) end() {
	c.close()
	if c.lock != nil {
		_ = c.lock.Close()
	}
}

// isAbsence says whether an error is what a store without a daemon gives: no endpoint file, or nobody who listens, or somebody
// else who does.
func isAbsence(err error) bool {
	code := status.Code(err)
	return err != nil && (code == codes.Unavailable || code == codes.Unimplemented)
}

// forget makes the next open read the endpoint and greet the daemon anew.
func (c *connection) forget() { c.isGreeted = false }

func (c *connection) close() {
	if c.channel != nil {
		_ = c.channel.Close()
		c.channel = nil
	}
	c.isGreeted = false
}

// call returns the context of one call.
func (c *connection) call(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.to.authorized(ctx), timeout)
}

func (c *connection) createRun(ctx context.Context, begin *pb.WriterBegin) error {
	ctx, cancel := c.call(ctx, c.chosen.callTimeout)
	defer cancel()
	_, err := pb.NewRunServiceClient(c.channel).CreateRun(ctx, &pb.CreateRunRequest{Begin: begin})
	return err
}

func (c *connection) appendRecords(ctx context.Context, request *pb.AppendRequest) (*pb.AppendResponse, error) {
	ctx, cancel := c.call(ctx, c.chosen.callTimeout)
	defer cancel()
	return pb.NewIngestServiceClient(c.channel).Append(ctx, request)
}

func (c *connection) finishRun(ctx context.Context, request *pb.FinishRunRequest) error {
	ctx, cancel := c.call(ctx, c.chosen.callTimeout)
	defer cancel()
	_, err := pb.NewRunServiceClient(c.channel).FinishRun(ctx, request)
	return err
}

// putObject sends an object and returns its sha256.
func (c *connection) putObject(ctx context.Context, content []byte) (string, error) {
	ctx, cancel := c.call(ctx, c.chosen.callTimeout+time.Duration(len(content)/chunkBytes)*chunkTimeout)
	defer cancel()
	stream, err := pb.NewIngestServiceClient(c.channel).PutObject(ctx)
	if err != nil {
		return "", err
	}
	for start := 0; start < len(content); start += chunkBytes {
		chunk := content[start:min(start+chunkBytes, len(content))]
		if stream.Send(&pb.PutObjectRequest{Chunk: chunk}) != nil {
			break // CloseAndRecv says why
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return "", err
	}
	return answer.GetSha256(), nil
}
