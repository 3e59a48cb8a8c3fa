#!/usr/bin/env bash
# Run a Python program on a server from the shell. The server describes its methods by reflection, so no .proto is needed.
#
#   examples/buf_curl.sh [HOST:PORT]
#
# BUF names the buf binary. With grpcurl instead:
#   grpcurl -plaintext -d "$request" HOST:PORT sandboxd.v1.ExecutionService/Execute
set -euo pipefail

address=${1:-127.0.0.1:50051}
code=$(printf 'print(6 * 7)' | base64 -w0) # bytes fields are base64 in JSON

request=$(
  cat <<JSON
{
  "requestId": "from-the-shell",
  "source": {"language": "python", "code": "$code"},
  "limits": {"wallTime": "5s", "memoryBytes": "67108864"}
}
JSON
)

exec "${BUF:-buf}" curl --protocol grpc --http2-prior-knowledge --data "$request" \
  "http://$address/sandboxd.v1.ExecutionService/Execute"
