#!/usr/bin/env bash
# engine.sh start | stop: Docker Engine from Debian's packages, where no service manager runs it.
# `start` does nothing where an engine answers already; `stop` ends only what `start` has started.
set -euo pipefail
state=${EVENTJOB_ENGINE_DIR:-/var/lib/eventjob-engine}
case ${1:-} in
  start)
    if docker info > /dev/null 2>&1; then echo "engine: one is running already"; exit 0; fi
    if ! command -v dockerd > /dev/null || ! command -v debootstrap > /dev/null; then
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io debootstrap > /dev/null
    fi
    mkdir -p "$state"
    # --ip: what tests publish is for this machine alone
    nohup dockerd --ip 127.0.0.1 --data-root "$state/data" --pidfile "$state/pid" > "$state/log" 2>&1 &
    for _ in $(seq 60); do
      if docker info > /dev/null 2>&1; then echo "engine: started, data in $state"; exit 0; fi
      sleep 0.5
    done
    tail -5 "$state/log" >&2
    exit 1
    ;;
  stop)
    [ -f "$state/pid" ] || { echo "engine: none that was started here"; exit 0; }
    pid=$(cat "$state/pid")
    kill "$pid"
    while kill -0 "$pid" 2> /dev/null; do sleep 0.2; done
    echo "engine: stopped"
    ;;
  *) echo "use: engine.sh start | stop" >&2; exit 2 ;;
esac
