#!/usr/bin/env bash
# Makes what compose.yaml needs and no file may hold: a password for each user of the bus and for
# MongoDB, in deploy/secrets (mode 600), and deploy/.env, which says whom the containers run as: you,
# or user 10001 where you are root. What is there already is kept; remove the folder to begin anew.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
users="provision api scheduler projector processor archiver subscriber"
mkdir -p secrets
random() { echo "p$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"; } # nats.conf wants a letter first
for name in mongo $(printf 'nats_%s ' $users); do
  [ -s "secrets/$name" ] || random > "secrets/$name"
done
{
  for user in $users; do
    echo "NATS_PASSWORD_${user^^}: \"$(cat "secrets/nats_$user")\""
  done
  cat nats/nats.conf # a file that is included does not see the variables of the one that includes it
} > secrets/nats.conf
echo "mongodb://eventjob:$(cat secrets/mongo)@mongo/eventjob?authSource=admin&directConnection=true" > secrets/store_url
if [ "$(id -u)" = 0 ]; then
  chown 10001:10001 secrets/*
  printf 'EVENTJOB_UID=10001\nEVENTJOB_GID=10001\n' > .env
else
  printf 'EVENTJOB_UID=%s\nEVENTJOB_GID=%s\n' "$(id -u)" "$(id -g)" > .env
fi
echo "secrets: $(ls secrets | wc -l) files in $PWD/secrets"
