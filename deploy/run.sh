#!/usr/bin/env bash
# run.sh COMMAND …: has secrets and all images made, then runs the command, which finds NATS_IMAGE,
# MONGO_IMAGE and BASE_IMAGE in its environment. With AIRGAPPED=1 nothing is pulled.
set -euo pipefail
here=$(dirname "$0")
docker info > /dev/null 2>&1 || {
  echo "no Docker Engine answers; deploy/airgapped/engine.sh start brings Debian's" >&2
  exit 1
}
"$here/secrets.sh"
images=$("$here/images.sh")
set -a
eval "$images"
set +a
"$here/build.sh"
exec "$@"
