/** The Debian that every host of the lab boots: made once by debootstrap, kept in the kit's cache. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath, createFolder } from "../../../../install/cache";
import { withLock } from "../../../../install/lock";
import { command } from "./command";

const SUITE = "bookworm";

/** What a server of somebody's has. Hosts reach no registry, so a compiler is here too. */
const PACKAGES = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "openssh-server",
  "iproute2",
  "iputils-ping",
  "procps",
  "sudo",
  "ca-certificates",
  "openssl",
  "gcc",
  "make",
  "libc6-dev",
  "tar",
  "gzip",
  "curl",
  "python3-minimal",
];

/** In an apt repository inside the image, so that `apt-get install` works on a host without a network. */
const OFFERED = ["redis-server", "redis-tools", "prometheus-redis-exporter"];

/** Where hosts have that repository. */
const REPOSITORY = "/opt/debs";

/** Units that take time at boot, or reach out, and that no test needs. */
const MASKED = [
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "fstrim.timer",
  "dpkg-db-backup.timer",
  "systemd-pstore.service",
  "systemd-timesyncd.service",
  "console-getty.service",
  "getty@tty1.service",
];

/** Users with the lab's key: `admin` sudoes without a password, `operator` with one. */
const USERS = `
useradd --create-home --shell /bin/bash admin
useradd --create-home --shell /bin/bash --gid operator operator
printf 'admin ALL=(ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/admin
printf 'operator ALL=(ALL) ALL\\n' >/etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/admin /etc/sudoers.d/operator
for user in admin operator; do install -d -m 0700 -o $user -g $user /home/$user/.ssh; done
install -d -m 0700 /root/.ssh
`;

const FETCH_OFFERED = `
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
mkdir -p ${REPOSITORY}
apt-get install -q -y --no-install-recommends --download-only -o Dir::Cache::archives=${REPOSITORY} ${OFFERED.join(" ")}
cd ${REPOSITORY}
rm -rf partial lock
for deb in *.deb; do
  dpkg-deb -f "$deb"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
done >Packages
printf 'deb [trusted=yes] file:${REPOSITORY} ./\\n' >/etc/apt/sources.list
apt-get update -q
`;

const FINISH = `
set -eu
systemctl enable systemd-networkd
systemctl mask ${MASKED.join(" ")}
mkdir -p /var/log/journal
rm -f /etc/machine-id /etc/ssh/ssh_host_* /etc/hostname
: >/etc/machine-id
apt-get clean
${USERS}
`;

/**
 * Path of the root folder of the image; minutes where it has to be made (packages come from the mirror that apt uses and
 * are checked by debootstrap and apt; fetched packages are kept, so that an interrupted run does not fetch them again).
 */
export async function baseImage(report: (line: string) => void): Promise<string> {
  const recipe = [SUITE, PACKAGES, OFFERED, FETCH_OFFERED, FINISH].join("\n");
  const key = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const folder = cachePath("lab", `image-${key}`);
  const ready = join(folder, "ready");
  const lock = cachePath("lab", `image-${key}.lock`);
  await withLock(lock, "Debian image of the test lab", report, async () => {
    if (existsSync(ready)) return;
    report("Making the Debian image of the test lab (about 2 min, once).");
    await createFolder(folder, build);
  });
  return join(folder, "root");
}

async function build(draft: string): Promise<void> {
  const root = join(draft, "root");
  const packages = cachePath("lab", "packages", SUITE);
  mkdirSync(packages, { recursive: true });
  const { mirror, env } = await aptSource();
  const options = { env, timeoutMs: 15 * 60_000 };
  const bootstrap = ["debootstrap", "--variant=minbase", `--include=${PACKAGES.join(",")}`];
  const inOwnMounts = ["unshare", "--mount", "--propagation", "private"];
  await command([...inOwnMounts, ...bootstrap, `--cache-dir=${packages}`, SUITE, root, mirror], options);
  // No service may start in the chroot.
  writeFileSync(join(root, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  for (const script of [FETCH_OFFERED, FINISH])
    await command([...inOwnMounts, "chroot", root, "/bin/sh", "-c", script], options);
  await command(["rm", join(root, "usr/sbin/policy-rc.d")]);
  writeFileSync(join(draft, "ready"), `${mirror}\n`);
}

/** The mirror and the proxy that apt on this machine uses. */
async function aptSource(): Promise<{ mirror: string; env: NodeJS.ProcessEnv }> {
  const targets = await command([
    "apt-get",
    "indextargets",
    "--format",
    "$(LABEL)|$(REPO_URI)",
    "Created-By: Packages",
  ]);
  const mirror = targets
    .split("\n")
    .map((line) => line.split("|"))
    .find(([label]) => label === "Debian")?.[1];
  if (mirror === undefined)
    throw new Error(
      "apt on this machine has no Debian mirror (apt-get indextargets): run `apt-get update` first",
    );
  const proxy = /^Acquire::http::Proxy "(.+)";$/m.exec(await command(["apt-config", "dump"]))?.[1];
  const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
  const env = { PATH: path, LC_ALL: "C", HOME: "/root", ...(proxy ? { http_proxy: proxy } : {}) };
  return { mirror, env };
}

/** Users of every host, and their home folders. */
export const LAB_USERS: Readonly<Record<string, string>> = {
  root: "/root",
  admin: "/home/admin",
  operator: "/home/operator",
};

/** Numeric owner of a user's files in the image. */
export function ownerIn(root: string, user: string): { uid: number; gid: number } {
  const line = readFileSync(join(root, "etc/passwd"), "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return { uid: Number(uid ?? 0), gid: Number(gid ?? 0) };
}
