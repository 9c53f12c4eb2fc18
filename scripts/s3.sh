#!/usr/bin/env bash
# A real S3 server on loopback (versitygw, Apache-2.0), for tests and benches. Needs Go for the first start.
# usage: s3.sh start | stop | kill | env       state lives in $SKY_S3 (default ./.s3), port in $S3_PORT (default 17070)
# `eval "$(scripts/s3.sh env)"` lets skydiff find it: skydiff run --archive s3://archive/nights ...
set -euo pipefail
D=$(realpath -m "${SKY_S3:-.s3}"); P=${S3_PORT:-17070}; V=1.8.0
export ROOT_ACCESS_KEY=skydiff ROOT_SECRET_KEY=skydiff-on-loopback
server() {
  [ -x "$D/bin/versitygw" ] || GOBIN="$D/bin" go install "github.com/versity/versitygw/cmd/versitygw@v$V"
}
case ${1:-} in
  start)
    mkdir -p "$D/data/archive"; server
    nohup "$D/bin/versitygw" --port "127.0.0.1:$P" posix "$D/data" > "$D/log" 2>&1 & echo $! > "$D/pid"
    for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$P") 2>/dev/null && exit 0; sleep 0.1; done
    echo "s3.sh: the server does not answer: see $D/log" >&2; exit 1 ;;
  stop) kill "$(cat "$D/pid")" ;;
  kill) kill -9 "$(cat "$D/pid")" ;;
  env)
    echo "export AWS_ACCESS_KEY_ID=$ROOT_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$ROOT_SECRET_KEY AWS_REGION=us-east-1"
    echo "export AWS_ENDPOINT_URL=http://127.0.0.1:$P AWS_ALLOW_HTTP=true" ;;
  *) sed -n 2,4p "$0"; exit 2 ;;
esac
