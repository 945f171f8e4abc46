package trackd

// Version is the version of this client; it follows the version of trackd.
const Version = "0.1.0"

// protocolVersion is the version of the protocol (docs/protocol.md) that this client speaks.
const protocolVersion = 1
