#!/bin/sh
# Takes a backup of the whole cluster from this server: every shard's snapshot over Redis's own port, as a replica gets it,
# checked, and made visible with its manifest all at once. The format is the kit's: `redis-cluster-kit backup verify`
# and `restore` read it. Needs redis-cli and redis-server of the kit, coreutils, awk and sed; for S3 the AWS CLI.
# Run by redis-cluster-kit-backup.service; $1: settings, for trying it.
set -eu
umask 077
export LC_ALL=C

# shellcheck source=/dev/null
. "${1:-/etc/redis-cluster-kit/backup.conf}"
: "${PROGRAMS:=/opt/redis-cluster-kit/current}" "${STATE:=/var/lib/redis-cluster-kit-backup}"
: "${PASSWORD_FILE:=${CREDENTIALS_DIRECTORY:-}/password}" "${REDIS_CONF:=${CREDENTIALS_DIRECTORY:-}/redis.conf}"
# In S3 a backup appears object by object: until then it is here.
case $TO in s3://*) SPOOL=$STATE ;; *) SPOOL=$TO ;; esac
# Bound on one shard's save and transfer, and on how often an unsettled cluster is looked at again.
: "${DUMP_S:=18000}" "${SETTLE_TRIES:=30}"
# The AWS CLI looks for credentials there, where there is no instance role.
export HOME="$STATE"
LOCK_PREFIX=redis-cluster-kit:apply:
MARKER=redis-cluster-kit:restore-under-way
draft=
id=
holders=

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'problem: %s: %s\n  cure: %s\n' "$NODE" "$1" "$2" >&2
    exit 1
}

# Temporary files and what is not whole go, whatever happens; a failure is told to monitoring.
ended() {
    code=$?
    trap - EXIT
    # shellcheck disable=SC2086 # a list of process ids
    [ -z "$holders" ] || kill $holders 2>/dev/null || true
    [ -z "$draft" ] || rm -rf "$draft"
    if [ "$code" != 0 ]; then
        metric last_failure_timestamp_seconds "When taking a backup failed last, Unix time." "$(date +%s)" >"$STATE/failure.metrics"
        publish
    fi
    rm -rf "$work"
    exit "$code"
}
