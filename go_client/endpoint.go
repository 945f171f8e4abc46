package trackd

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// endpoint says where a daemon listens, and the token that it answers to.
type endpoint struct {
	address, token string
}

// findEndpoint returns the endpoint of the settings: the address that was given, or what the store's endpoint file says now. The
// error has the code UNAVAILABLE where no daemon has said anything.
func findEndpoint(chosen *settings) (endpoint, error) {
	if chosen.address != "" {
		return endpoint{chosen.address, chosen.token}, nil
	}
	path := filepath.Join(chosen.store, "endpoint.json")
	content, err := os.ReadFile(path)
	if err != nil {
		return endpoint{}, status.Errorf(codes.Unavailable, "no daemon serves the store %s", chosen.store)
	}
	var file struct {
		GRPCAddress string `json:"grpc_address"`
		Token       string `json:"token"`
	}
	if err = json.Unmarshal(content, &file); err != nil {
		return endpoint{}, status.Errorf(codes.Unavailable, "%s cannot be read: %v", path, err)
	}
	if _, _, err = splitAddress(file.GRPCAddress); err != nil {
		return endpoint{}, status.Errorf(codes.Unavailable, "%s cannot be used: %v", path, err)
	}
	return endpoint{file.GRPCAddress, file.Token}, nil
}

// splitAddress returns the network and the address that a dialer takes.
func splitAddress(address string) (network, place string, err error) {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		// unix:///path is another spelling of unix:/path.
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return "", "", usageErrorf("address is %q; it can be %s: give the socket's path", address, addressForms)
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return "", "", usageErrorf("address is %q; it can be %s: give host and port", address, addressForms)
	}
	return "tcp", address, nil
}

// dial makes a channel to the endpoint. It connects with the first call.
func dial(to endpoint) (*grpc.ClientConn, error) {
	network, place, err := splitAddress(to.address)
	if err != nil {
		return nil, err
	}
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = backoffMinimum, waitedBackoffMaximum
	// The dialer knows the place, so that neither a resolver nor a proxy of the environment has a say in it, and the path of a
	// socket may hold any character.
	return grpc.NewClient("passthrough:///trackd",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithNoProxy(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, place)
		}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: callTimeoutDefault}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(answerBytesMax)),
		grpc.WithDisableServiceConfig(),
	)
}

// authorized returns a context for calls that carry the token.
func (e endpoint) authorized(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+e.token)
}
