#!/bin/sh
# Makes the Ruby stubs of trackd's protocol in generated/.
set -eu
cd "$(dirname "$0")"
mkdir -p generated
protoc -I ../../proto --ruby_out=generated --grpc_out=generated \
  --plugin=protoc-gen-grpc="$(command -v grpc_ruby_plugin || command -v grpc_tools_ruby_protoc_plugin)" \
  ../../proto/trackd/v1/*.proto
