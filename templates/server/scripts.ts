/** The scripts that make a server ready for a node, and the files that they put there. Plain values in, text out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exporterArguments, passwordFile, SLOTS_SCRIPT } from "../monitoring/exporter";

/** What a server's scripts must know. None of it is secret. */
export interface ServerPlan {
  readonly cluster: string;
  readonly node: string;
  /** Redis version, three numbers. */
  readonly version: string;
  readonly install: "source" | "archive" | "package";
  /** Data port; the bus port is 10000 higher. */
  readonly port: number;
  /** IPv4 address that Redis is to listen on and the server must have; undefined: every address. */
  readonly address?: string | undefined;
  readonly maxmemoryBytes: number;
  /** Whether the node writes its data to disk. One that does not must not come back by itself: it would be empty. */
  readonly persistent: boolean;
  /** Whether a backup timer is declared; one that is there and declared no more is taken away. */
  readonly backup?: boolean;
  /** Size of a data volume that the kit has made, in GiB: its file system grows with it. Undefined: nothing is grown. */
  readonly volumeGib?: number;
}

/** Where the server finds the archive to install. */
export interface ArchivePlace {
  /** http(s) address; "" where the archive was uploaded or none is needed. */
  readonly url: string;
  /** File on the server, relative to the login user's home; "" where it is fetched. */
  readonly upload: string;
  /** sha256 in hex; "" where it is not checked. */
  readonly sha256: string;
}

const MIB = 1024 ** 2;
/** Room that a build takes, in MiB; a Redis that is only unpacked takes less. */
const BUILD_MIB = 400;
const UNPACK_MIB = 60;

/** A file of templates/. */
export const read = (name: string): string => readFileSync(join(__dirname, "..", name), "utf8");
const LIBRARY = read("server/lib.sh");

/**
 * The command that takes a script on its stdin and runs it as root. `what` and `server` are shown where it fails.
 * `withPassword`: line 1 of stdin is sudo's password. It is in no argument list and no environment: only builtins see it.
 */
export function runCommand(what: string, server: string, withPassword: boolean): string {
  const program = withPassword ? read("server/run-password.sh") : read("server/run.sh");
  return `sh -c '${program.trim()}' ${shellQuote(what)} ${shellQuote(server)}`;
}

/** Fails with the reason and its cure where the server cannot be a node. Changes nothing. */
export function preflightScript(plan: ServerPlan): string {
  const installMib = plan.install === "source" ? BUILD_MIB : UNPACK_MIB;
  return script({ ...facts(plan), INSTALL_MIB: String(installMib) }, read("server/preflight.sh"));
}

/** Redis of the version into /opt/redis-cluster-kit/redis-VERSION. */
export function installScript(plan: ServerPlan, place: ArchivePlace, flags: string): string {
  const later = !plan.version.startsWith("5.");
  const variables = {
    ...facts(plan),
    URL: place.url,
    UPLOAD_NAME: place.upload,
    SHA256: place.sha256,
    CFLAGS: flags,
    SYSTEMD_BUILD: later ? "yes" : "",
  };
  return script(variables, read("server/install.sh"));
}

/** User, folders, kernel settings and units. */
export function configureScript(plan: ServerPlan): string {
  const files = {
    UNIT_FILE: unitFile(plan),
    KERNEL_UNIT_FILE: read("server/kernel.service").trimEnd(),
    SYSCTL_FILE: read("server/sysctl.conf").trimEnd(),
    SWITCH_FILE: read("server/switch.sh").trimEnd(),
  };
  const volume = { VOLUME_GIB: plan.volumeGib === undefined ? "" : String(plan.volumeGib) };
  return script({ ...facts(plan), ...volume, ...files }, read("server/configure.sh"));
}

/** The systemd unit of the node. */
export function unitFile({ node, cluster, persistent }: ServerPlan): string {
  return fill(read("server/redis-cluster-kit.service.tmpl"), {
    node,
    cluster,
    restart: persistent ? "on-failure" : "no",
  }).trimEnd();
}

/** The exporter asks the Redis of its own server. */
const LOOPBACK = "127.0.0.1";

/** On the server: systemd's copy of the password file, for this unit alone, and the script, which anybody may read. */
const EXPORTER_FILES = {
  passwords: `\${CREDENTIALS_DIRECTORY}/password`,
  script: "/opt/redis-cluster-kit/slots.lua",
};

/** What the exporter of a server is made of. */
export interface ExporterPlan {
  readonly node: string;
  readonly port: number;
  /** Address and port that it listens on, "0.0.0.0:9121". */
  readonly listen: string;
  /** Networks that may ask it, "10.0.0.0/8"; the server itself always may. Empty: every one. */
  readonly from: readonly string[];
  /** "package": the distribution's; otherwise a tar.gz with redis_exporter in it. */
  readonly source: "package" | { readonly url: string; readonly sha256: string };
}

/** Exporter, its password file and its unit. The password is in the text. */
export function exporterScript(plan: ExporterPlan, password: string): string {
  const unit = exporterUnit(plan);
  const place = plan.source === "package" ? { url: "", sha256: "" } : plan.source;
  const variables = {
    NODE: plan.node,
    URL: place.url,
    SHA256: place.sha256,
    EXPORTER_UNIT_FILE: unit.trimEnd(),
    SLOTS_FILE: SLOTS_SCRIPT.trimEnd(),
    PASSWORD_FILE: passwordFile([{ host: LOOPBACK, port: plan.port }], password).trimEnd(),
  };
  return script(variables, read("server/exporter.sh"));
}

/** The exporter's systemd unit. Nothing in the arguments needs quotes: addresses, ports and paths of the kit's own. */
export function exporterUnit({ listen, port, from }: ExporterPlan): string {
  const allowed = ["localhost", ...from].join(" ");
  const networks =
    from.length === 0 ? "# Any network may ask it." : `IPAddressDeny=any\nIPAddressAllow=${allowed}`;
  const args = exporterArguments({ host: LOOPBACK, port, listen }, EXPORTER_FILES).join(" ");
  return fill(read("server/exporter.service.tmpl"), { arguments: args, networks });
}

function facts(plan: ServerPlan): Record<string, string> {
  return {
    CLUSTER: plan.cluster,
    NODE: plan.node,
    VERSION: plan.version,
    MODE: plan.install,
    PORT: String(plan.port),
    ADDRESS: plan.address ?? "",
    MAXMEMORY_MIB: String(Math.ceil(plan.maxmemoryBytes / MIB)),
    PERSISTENT: plan.persistent ? "yes" : "no",
    BACKUP: plan.backup === true ? "yes" : "no",
  };
}

/**
 * Variables, library, the script's own part. It comes on stdin, so nothing in it may read from there; the closing call is
 * the last line that is read, so half a script, cut off by a lost connection, does nothing.
 */
export function script(variables: Readonly<Record<string, string>>, body: string): string {
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return [
    "set -eu",
    "umask 022",
    "export LC_ALL=C",
    ...settings,
    LIBRARY,
    body,
    "main </dev/null; exit",
    "",
  ].join("\n");
}

export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`the template names {{${key}}}, which nothing fills`);
    return value;
  });
}

/** One word for sh, whatever is in it. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
