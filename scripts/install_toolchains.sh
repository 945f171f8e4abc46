#!/bin/sh
# Sees to it that the toolchains of the clients in other languages are there: Go, Rust, Node, Ruby. Prints the folders that
# belong on PATH for them, separated by colons, on standard output; everything else goes to standard error.
set -eu

fail() {
    echo "error: $*" >&2
    exit 1
}

# at_least VERSION MINIMUM: whether a version like 1.26.8 is at least one like 1.25.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $* …" >&2
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$@" >/dev/null || true
    fi
}

PATH="$PATH:/usr/local/go/bin:$HOME/.cargo/bin"

command -v go >/dev/null || install golang-go
go=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || true
# Any Go from 1.21 on fetches the one that go.mod asks for.
at_least "${go:-0}" 1.21 || fail "the Go client needs Go 1.21 or later on PATH; there is ${go:-none}"

command -v cargo >/dev/null || install cargo rustc
rust=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) || true
at_least "${rust:-0}" 1.88 || fail "the Rust client needs Rust 1.88 or later on PATH; there is ${rust:-none}: rustup installs it"

command -v npm >/dev/null || install nodejs npm
node=$(node --version 2>/dev/null | sed 's/^v//') || true
at_least "${node:-0}" 20 || fail "the TypeScript client needs Node 20 or later on PATH; there is ${node:-none}"

# Debian has the well-known types in a package of their own, without which protoc is there and finds no timestamp.
knows_types() {
    folder=$(mktemp -d)
    printf 'syntax = "proto3";\nimport "google/protobuf/timestamp.proto";\nmessage A { google.protobuf.Timestamp time = 1; }\n' >"$folder/a.proto"
    protoc -I "$folder" --descriptor_set_out=/dev/null "$folder/a.proto" 2>/dev/null && known=0 || known=1
    rm -r "$folder"
    return $known
}
has_ruby() {
    ruby -e 'require "grpc"' 2>/dev/null && knows_types &&
        { command -v grpc_ruby_plugin || command -v grpc_tools_ruby_protoc_plugin; } >/dev/null
}
ruby_packages="ruby ruby-grpc ruby-grpc-tools protobuf-compiler libprotobuf-dev"
# shellcheck disable=SC2086 # several words
has_ruby || install $ruby_packages
has_ruby || fail "the example in Ruby needs ruby with its gRPC (on Debian: apt-get install $ruby_packages)"

echo "$PATH"
