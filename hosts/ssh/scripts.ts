/** The scripts that run on a server, as root. Each does one thing and may be repeated. Arguments are never secrets. */
import { BACKUP, NODE_NOTE, PROGRAMS, REDIS_CONF, UNIT, VERSION_NOTE } from "./layout";

/** Exit codes of these scripts that mean something; others are failures. */
export const EXIT = {
  notProvisioned: 64,
  incomplete: 65,
  portTaken: 66,
  notInstalled: 67,
  stillRunning: 68,
  runs: 69,
} as const;

/** Who listens on a port, as `ss` tells it; nothing where the port is free. */
const LISTENERS = `listeners() { ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1; }`;

const STATE = `systemctl show ${UNIT} --property=LoadState,ActiveState,SubState,MainPID,ControlPID,Result`;

/**
 * $1 data folder, $2 declared version, $3 $4 data and bus port. Lines "key=value". Waits up to 5 s while systemd is about
 * to start the unit again by itself: neither running nor stopped would be true.
 */
export const INSPECT = `
${LISTENERS}
n=0
while state=$(${STATE}) && printf '%s\\n' "$state" | grep -q '^SubState=auto-restart$' && [ $n -lt 25 ]; do n=$((n+1)); sleep 0.2; done
printf '%s\\n' "$state"
if [ ! -d "$1" ]; then echo data=empty
elif found=$(find "$1" -mindepth 1 -maxdepth 1 ! -name '${VERSION_NOTE}*' ! -name lost+found 2>/dev/null | head -n 1); then
  if [ -n "$found" ]; then echo data=present; else echo data=empty; fi
else echo data=unknown; fi
if [ -f ${REDIS_CONF} ]; then echo "conf=$(sha256sum <${REDIS_CONF} | cut -d' ' -f1)"; fi
if [ -x "${PROGRAMS}/redis-$2/redis-server" ]; then echo "declared=$(cat "${PROGRAMS}/redis-$2/VERSION" 2>/dev/null || echo "$2")"; fi
if [ -f ${PROGRAMS}/current/VERSION ]; then echo "current=$(cat ${PROGRAMS}/current/VERSION)"; fi
if [ -f "$1/${VERSION_NOTE}" ]; then echo "ran=$(cat "$1/${VERSION_NOTE}")"; fi
for port in "$3" "$4"; do
  line=$(listeners "$port")
  if [ -n "$line" ]; then echo "listener=$port $line"; fi
done
`;

/** $1 data folder, $2 declared version, $3 $4 ports, $5 address that Redis listens on. Lines "key=value". Changes nothing. */
export const PREFLIGHT = `
${INSPECT}
echo "provisioned=$(if [ -x ${PROGRAMS}/switch ] && [ -d /etc/redis ] && id redis >/dev/null 2>&1; then echo yes; else echo no; fi)"
echo "free=$(df --output=avail -B1 "$1" 2>/dev/null | tail -n 1)"
echo "freeConf=$(df --output=avail -B1 /etc/redis 2>/dev/null | tail -n 1)"
echo "owner=$(stat -c %U "$1" 2>/dev/null)"
echo "memory=$(awk '/^MemTotal:/ {print $2 * 1024}' /proc/meminfo)"
if [ "$5" = 0.0.0.0 ] || ip -4 -o address | grep -qF " $5/"; then echo address=yes; else echo address=no; fi
`;

/**
 * redis.conf comes on stdin, $1 is its sha256: half a file, from a connection that broke, is not put in place. Written
 * beside, synced, renamed: a power cut leaves the old or the new one.
 */
export const PREPARE = `
set -eu
[ -d /etc/redis ] || exit ${EXIT.notProvisioned}
umask 077
new=$(mktemp /etc/redis/.redis.conf.XXXXXX)
trap 'rm -f "$new"' EXIT
cat >"$new"
[ "$(sha256sum <"$new" | cut -d' ' -f1)" = "$1" ] || exit ${EXIT.incomplete}
if cmp -s "$new" ${REDIS_CONF} && [ "$(stat -c '%a %U:%G' ${REDIS_CONF})" = '640 root:redis' ]; then exit 0; fi
chown root:redis "$new"
chmod 640 "$new"
sync "$new"
mv -f "$new" ${REDIS_CONF}
sync /etc/redis
echo changed
`;

/**
 * $1 version, $2 data folder, $3 $4 ports. Version and note are changed only while the node is down. Does not wait until
 * Redis serves: systemd would wait for it to load, for hours if need be. \`runs\`: somebody has started it.
 */
export const START = `
set -eu
${LISTENERS}
[ -x ${PROGRAMS}/switch ] || exit ${EXIT.notProvisioned}
state=$(${STATE})
if printf '%s\\n' "$state" | grep -q '^SubState=auto-restart$'; then systemctl stop ${UNIT}; fi
if printf '%s\\n' "$state" | grep -qE '^MainPID=[1-9]'; then exit ${EXIT.runs}; fi
[ -f ${REDIS_CONF} ] || { echo "there is no ${REDIS_CONF}" >&2; exit ${EXIT.notProvisioned}; }
for port in "$3" "$4"; do
  line=$(listeners "$port")
  [ -z "$line" ] || { echo "$port $line"; exit ${EXIT.portTaken}; }
done
${PROGRAMS}/switch "$1" || exit ${EXIT.notInstalled}
new=$(mktemp "$2/${VERSION_NOTE}.XXXXXX")
printf '%s\\n' "$1" >"$new"
chown root:redis "$new"
chmod 640 "$new"
mv -f "$new" "$2/${VERSION_NOTE}"
systemctl reset-failed ${UNIT} 2>/dev/null || true
systemctl start --no-block ${UNIT}
`;

/** State of the unit, and what it has said since its last start: $1 lines. */
export const WHY = `
${STATE}
id=$(systemctl show ${UNIT} --property=InvocationID --value)
echo "--"
[ -z "$id" ] || journalctl --no-pager --output=cat --lines="$1" _SYSTEMD_INVOCATION_ID="$id" 2>/dev/null
`;

export const STATE_ONLY = STATE;

/** A start that failed is ended for good: systemd would try it again for ever. */
export const GIVE_UP = `systemctl stop ${UNIT}; systemctl reset-failed ${UNIT} 2>/dev/null || true`;

/**
 * $1 "kill" or "term", $2 seconds. SIGKILL goes to saving children, too. Stopping after it keeps systemd from starting
 * the node again. Redis forgets a SIGTERM that it cannot follow (while it writes its first append-only file), so it gets
 * another one every second.
 */
export const STOP = `
set -u
systemctl cat ${UNIT} >/dev/null 2>&1 || exit 0
if [ "$1" = kill ]; then systemctl kill --signal=KILL ${UNIT} 2>/dev/null; fi
systemctl stop --no-block ${UNIT}
end=$(($(date +%s) + $2))
n=0
while :; do
  state=$(${STATE})
  case $state in
    *ActiveState=inactive* | *ActiveState=failed*)
      if printf '%s\\n' "$state" | grep -q '^MainPID=0$'; then exit 0; fi ;;
  esac
  if [ "$(date +%s)" -ge "$end" ]; then printf '%s\\n' "$state"; exit ${EXIT.stillRunning}; fi
  n=$((n+1))
  if [ $((n % 20)) = 0 ] && [ "$1" = term ]; then systemctl kill --kill-who=main --signal=TERM ${UNIT} 2>/dev/null; fi
  sleep 0.05
done
`;

/** $1 data folder. Also the note of which node this server is: another cluster may have it then. */
export const PURGE = `
set -eu
state=$(${STATE})
printf '%s\\n' "$state" | grep -qE '^MainPID=[1-9]' && exit ${EXIT.runs}
systemctl stop ${UNIT} 2>/dev/null || true
if [ -d "$1" ]; then find "$1" -mindepth 1 -delete; fi
rm -f ${REDIS_CONF} ${NODE_NOTE}
`;

/** One backup now, and what it said. Where one is being taken, that one. */
export const BACK_UP = `
[ -e /etc/systemd/system/${BACKUP}.service ] || exit ${EXIT.notProvisioned}
systemctl start ${BACKUP}.service 2>/dev/null
code=$?
id=$(systemctl show ${BACKUP}.service --property=InvocationID --value)
journalctl --sync 2>/dev/null || true
journalctl --no-pager --output=cat _SYSTEMD_INVOCATION_ID="$id" 2>/dev/null
exit $code
`;

/** The backup timer, and a backup that is being taken; backups stay. */
export const RETIRE = `
set -eu
unit=/etc/systemd/system/${BACKUP}
[ -e "$unit.timer" ] || exit 0
systemctl disable --quiet --now ${BACKUP}.timer
systemctl stop ${BACKUP}.service
rm -f "$unit.timer" "$unit.service" /etc/redis-cluster-kit/backup.conf /etc/redis-cluster-kit/backup.password ${PROGRAMS}/backup
systemctl daemon-reload
`;

/** $1 lines. */
export const LOG_TAIL = `journalctl --no-pager --output=cat --unit=${UNIT} --lines="$1" 2>/dev/null`;

/** $1 file. Its size on the first line, then its content: of one and the same file, whatever happens to its name. */
export const READ_FILE = `
[ -e "$1" ] || exit 2
exec 3<"$1" || exit 13
stat --dereference --format=%s /proc/self/fd/3
exec cat <&3
`;
