package trackd

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/trackd/trackd/go_client/trackd/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	fakeToken   = "token of the fake"
	waitTimeout = 20 * time.Second // until a condition holds, on a busy machine
)

// fault is what happens to one call.
type fault struct {
	err      error
	isAfter  bool          // the call is done, and its answer lost
	hangs    bool          // until the client gives up
	meanness func(*fake)   // changes the fake before it answers
	blocks   chan struct{} // the call waits until it is closed
}

// fake is a daemon that keeps in memory what it is told, and makes the faults of a test.
type fake struct {
	pb.UnimplementedRunServiceServer
	pb.UnimplementedIngestServiceServer
	t      *testing.T
	store  string
	server *grpc.Server

	mutex    sync.Mutex
	token    string
	protocol int32
	faults   map[string][]fault
	calls    map[string]int
	begin    *pb.WriterBegin
	records  []*pb.Record
	objects  map[string][]byte
	finish   *pb.WriterFinish
	partial  int                      // how many records of a batch are taken; 0 means all
	isBad    func(*pb.Record) bool    // records that are refused
	answer   func(*pb.AppendResponse) // adds to an answer
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{
		t: t, store: t.TempDir(), token: fakeToken, protocol: protocolVersion,
		faults: map[string][]fault{}, calls: map[string]int{}, objects: map[string][]byte{},
	}
	f.start()
	t.Cleanup(f.stop)
	return f
}

// start listens on a new address and says so in the store.
func (f *fake) start() {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept), grpc.StreamInterceptor(f.interceptStream), grpc.MaxRecvMsgSize(messageBytesMax))
	pb.RegisterRunServiceServer(server, f)
	pb.RegisterIngestServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	f.server = server
	f.writeEndpoint(listener.Addr().String(), f.token)
}

func (f *fake) stop() { f.server.Stop() }

func (f *fake) writeEndpoint(address, token string) {
	f.t.Helper()
	content, err := json.Marshal(map[string]any{"grpc_address": address, "token": token, "protocol_version": 1})
	if err == nil {
		err = os.WriteFile(filepath.Join(f.store, "endpoint.new"), content, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(f.store, "endpoint.new"), filepath.Join(f.store, "endpoint.json"))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// fail makes the next calls of a method fail.
func (f *fake) fail(method string, faults ...fault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.faults[method] = append(f.faults[method], faults...)
}

func (f *fake) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	found, err := f.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	answer, err := handler(ctx, request)
	if found.isAfter {
		return nil, found.err
	}
	return answer, err
}

func (f *fake) interceptStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if _, err := f.enter(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return handler(server, stream)
}

func (f *fake) enter(ctx context.Context, path string) (fault, error) {
	method := filepath.Base(path)
	f.mutex.Lock()
	f.calls[method]++
	var found fault
	if waiting := f.faults[method]; len(waiting) > 0 {
		found, f.faults[method] = waiting[0], waiting[1:]
	}
	token := f.token
	f.mutex.Unlock()
	if found.meanness != nil {
		found.meanness(f)
	}
	if found.hangs {
		<-ctx.Done()
	}
	if found.blocks != nil {
		select {
		case <-found.blocks:
		case <-ctx.Done():
		}
	}
	if found.err != nil && !found.isAfter {
		return found, found.err
	}
	given, _ := metadata.FromIncomingContext(ctx)
	if !slices.Equal(given.Get("authorization"), []string{"Bearer " + token}) {
		return found, refusal(codes.Unauthenticated, "UNAUTHENTICATED")
	}
	return found, nil
}

func (f *fake) GetDaemon(context.Context, *pb.GetDaemonRequest) (*pb.GetDaemonResponse, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return &pb.GetDaemonResponse{Version: "0.0.1", ProtocolVersion: f.protocol, HttpAddress: "http://127.0.0.1:1"}, nil
}

func (f *fake) CreateRun(_ context.Context, request *pb.CreateRunRequest) (*pb.CreateRunResponse, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.begin = request.GetBegin()
	return &pb.CreateRunResponse{}, nil
}

func (f *fake) Append(_ context.Context, request *pb.AppendRequest) (*pb.AppendResponse, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.begin.GetWriterId() != request.GetWriterId() {
		return nil, refusal(codes.FailedPrecondition, reasonNoWriter)
	}
	batch := request.GetBatch()
	if batch.GetFirstSequence() > int64(len(f.records))+1 {
		return nil, refusal(codes.OutOfRange, reasonGap, metadataSequence, strconv.Itoa(len(f.records)))
	}
	for _, record := range batch.GetRecords() {
		if f.isBad != nil && f.isBad(record) {
			return nil, refusal(codes.InvalidArgument, "INVALID_ARGUMENT")
		}
	}
	for offset, record := range batch.GetRecords() {
		if f.partial > 0 && offset >= f.partial {
			break
		}
		if batch.GetFirstSequence()+int64(offset) > int64(len(f.records)) {
			f.records = append(f.records, record)
		}
	}
	answer := &pb.AppendResponse{AcknowledgedSequence: int64(len(f.records))}
	if f.answer != nil {
		f.answer(answer)
	}
	return answer, nil
}

func (f *fake) PutObject(stream grpc.ClientStreamingServer[pb.PutObjectRequest, pb.PutObjectResponse]) error {
	var content []byte
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		content = append(content, request.GetChunk()...)
	}
	digest := sha256.Sum256(content)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.objects[hex.EncodeToString(digest[:])] = content
	return stream.SendAndClose(&pb.PutObjectResponse{Sha256: hex.EncodeToString(digest[:]), SizeBytes: int64(len(content))})
}

func (f *fake) FinishRun(_ context.Context, request *pb.FinishRunRequest) (*pb.FinishRunResponse, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch {
	case f.begin.GetWriterId() != request.GetWriterId():
		return nil, refusal(codes.FailedPrecondition, reasonNoWriter)
	case request.GetSequence() > int64(len(f.records))+1:
		return nil, refusal(codes.OutOfRange, reasonGap, metadataSequence, strconv.Itoa(len(f.records)))
	case request.GetSequence() == int64(len(f.records))+1:
		f.records = append(f.records, &pb.Record{Kind: &pb.Record_WriterFinish{WriterFinish: request.GetFinish()}})
		f.finish = request.GetFinish()
	}
	return &pb.FinishRunResponse{}, nil
}

// refusal is an error with its reason, and metadata as key, value, key, value.
func refusal(code codes.Code, reason string, pairs ...string) error {
	information := &errdetails.ErrorInfo{Domain: errorDomain, Reason: reason, Metadata: map[string]string{}}
	for position := 0; position+1 < len(pairs); position += 2 {
		information.Metadata[pairs[position]] = pairs[position+1]
	}
	failure, err := status.New(code, "the fake refuses this call").WithDetails(information)
	if err != nil {
		panic(err)
	}
	return failure.Err()
}

func (f *fake) count(method string) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.calls[method]
}

func (f *fake) stored() []*pb.Record {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.records)
}

// storedRows returns all rows in their order.
func (f *fake) storedRows() []map[string]any { return expandRows(f.stored()) }

// expandRows returns the rows of records as values by key; "step" has a row's step, where it has one.
func expandRows(records []*pb.Record) []map[string]any {
	var rows []map[string]any
	for _, record := range records {
		if row := record.GetRow(); row != nil {
			values := map[string]any{}
			if row.Step != nil {
				values["step"] = row.GetStep()
			}
			for _, entry := range row.GetValues() {
				values[entry.GetKey()] = plainOf(entry.GetValue())
			}
			rows = append(rows, values)
		}
		if columns := record.GetRowColumns(); columns != nil {
			rows = append(rows, expandColumns(columns)...)
		}
	}
	return rows
}

func expandColumns(columns *pb.RowColumns) []map[string]any {
	rows := make([]map[string]any, len(columns.GetTimesUnixNanos()))
	for number := range rows {
		rows[number] = map[string]any{}
		if steps := columns.GetSteps(); steps != nil {
			rows[number]["step"] = steps[number]
		}
		for _, column := range columns.GetColumns() {
			rows[number][column.GetKey()] = columnValue(column, number)
		}
	}
	return rows
}

func columnValue(column *pb.Column, number int) any {
	switch values := column.GetValues().(type) {
	case *pb.Column_Doubles:
		return math.Float64frombits(binary.LittleEndian.Uint64(values.Doubles[8*number:]))
	case *pb.Column_Ints:
		return int64(binary.LittleEndian.Uint64(values.Ints[8*number:]))
	case *pb.Column_Bools:
		return values.Bools.GetValues()[number]
	case *pb.Column_Strings:
		return values.Strings.GetValues()[number]
	}
	return nil
}

// plainOf returns what a value holds; JSON as the type jsonText.
func plainOf(value *pb.Value) any {
	switch kind := value.GetKind().(type) {
	case *pb.Value_DoubleValue:
		return kind.DoubleValue
	case *pb.Value_IntValue:
		return kind.IntValue
	case *pb.Value_BoolValue:
		return kind.BoolValue
	case *pb.Value_StringValue:
		return kind.StringValue
	case *pb.Value_JsonValue:
		return jsonText(kind.JsonValue)
	case *pb.Value_RecordValue:
		return kind.RecordValue
	}
	return nil
}

type jsonText string

// warnings gathers what a run warns of.
type warnings struct {
	mutex     sync.Mutex
	sentences []string
}

func (w *warnings) add(sentence string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.sentences = append(w.sentences, sentence)
}

func (w *warnings) all() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.sentences)
}

// noEnvironment has no variables but the one that turns captures off.
func noEnvironment(name string) string {
	return map[string]string{"TRACKD_CAPTURES": "none", "HOME": "/nonexistent"}[name]
}

// open begins a run against the fake, with short times; change alters its settings before it begins.
func (f *fake) open(change func(*settings)) (*Run, *warnings) {
	f.t.Helper()
	told := &warnings{}
	run, err := initialize(Options{
		Project: "tests", ID: "run", Store: f.store, NoStartDaemon: true, Quiet: true, OnWarning: told.add, FinishTimeout: waitTimeout,
	}, noEnvironment, change)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		run.sender.cancel()
		_ = run.Finish(ctx)
	})
	return run, told
}

// logNumbers logs rows {"n": first} and so on.
func logNumbers(t *testing.T, run *Run, first, count int) {
	t.Helper()
	for number := first; number < first+count; number++ {
		if err := run.Log(Values{"n": number}); err != nil {
			t.Fatal(err)
		}
	}
}

// checkNumbers says whether the rows are n = 0 to count-1, each once.
func checkNumbers(t *testing.T, rows []map[string]any, count int) {
	t.Helper()
	if len(rows) != count {
		t.Fatalf("%d rows are stored; %d were expected", len(rows), count)
	}
	for number, row := range rows {
		if want := (map[string]any{"n": int64(number)}); !reflect.DeepEqual(row, want) {
			t.Fatalf("row %d is %v; %v was expected", number, row, want)
		}
	}
}

func finish(t *testing.T, run *Run) {
	t.Helper()
	if err := run.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func flush(t *testing.T, run *Run) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	if err := run.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// contains says whether one of the sentences holds all parts.
func contains(sentences []string, parts ...string) bool {
	return slices.ContainsFunc(sentences, func(sentence string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(sentence, part) })
	})
}
