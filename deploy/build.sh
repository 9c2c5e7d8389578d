#!/usr/bin/env bash
# Builds the image of each service: eventjob-api:local and so on (EVENTJOB_TAG takes another tag).
# BASE_IMAGE is a Python 3.11 on Debian; PIP_OPTIONS goes to pip.
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=()
[ -z "${BASE_IMAGE:-}" ] || arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")
[ -z "${PIP_OPTIONS:-}" ] || arguments+=(--build-arg "PIP_OPTIONS=$PIP_OPTIONS")
docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0 # Debian's package has no buildx
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for service in scheduler archiver processor projector api; do
  echo "build: eventjob-$service:${EVENTJOB_TAG:-local}"
  docker build -f deploy/Dockerfile --target "$service" "${arguments[@]}" \
    -t "eventjob-$service:${EVENTJOB_TAG:-local}" . > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
done
