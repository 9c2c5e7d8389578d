#!/usr/bin/env bash
# Prints BASE_IMAGE=…, NATS_IMAGE=…, MONGO_IMAGE=… and PIP_OPTIONS=…, a line each, as a shell reads it.
# Official images, unless these variables name others. What can be had neither here nor from a
# registry is built from Debian and wheels alone (deploy/airgapped); AIRGAPPED=1 does so at once.
set -euo pipefail
cd "$(dirname "$0")"
official() { # NAME: from compose.yaml and the Dockerfile, which alone say what they are
  case $1 in
    BASE_IMAGE) sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile ;;
    *) sed -n "s/.*{$1:-\(.*\)}.*/\1/p" compose.yaml | head -1 ;;
  esac
}
here() { docker image inspect "$1" > /dev/null 2>&1 || timeout 600 docker pull -q "$1" > /dev/null 2>&1; }

names=(BASE_IMAGE NATS_IMAGE MONGO_IMAGE)
if [ "${AIRGAPPED:-}" != 1 ]; then
  AIRGAPPED=0
  for name in "${names[@]}"; do
    image=${!name:-$(official "$name")}
    here "$image" && continue
    [ -z "${!name:-}" ] || { echo "images: $name=$image cannot be had" >&2; exit 1; }
    echo "images: $image cannot be pulled: building from Debian and wheels instead" >&2
    AIRGAPPED=1 && break
  done
fi
if [ "$AIRGAPPED" = 1 ]; then
  airgapped/build.sh >&2
  echo "PIP_OPTIONS='--no-index --find-links=/wheels'"
  BASE_IMAGE=${BASE_IMAGE:-eventjob-base:airgapped}
  NATS_IMAGE=${NATS_IMAGE:-eventjob-nats:airgapped}
  MONGO_IMAGE=${MONGO_IMAGE:-eventjob-mongo-stand-in:airgapped}
fi
for name in "${names[@]}"; do
  echo "$name=${!name:-$(official "$name")}"
done
