/** Whether this machine can run the lab, and why not. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findProgram } from "../../../../install/process";

/** Programs and the Debian packages that they come with. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "systemd-nspawn": "systemd-container",
  debootstrap: "debootstrap",
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  "apt-get": "apt",
};

/** One line for people; `undefined`: it can. */
export function whyNoLab(): string | undefined {
  if (process.platform !== "linux") return "the lab of booted servers needs Linux";
  if (process.getuid?.() !== 0)
    return "the lab of booted servers needs root (systemd-nspawn, networks, mounts)";
  const missing = Object.keys(PROGRAMS).filter((name) => !findProgram(name, ["/usr/sbin", "/sbin"]));
  if (missing.length > 0)
    return `the lab of booted servers needs ${missing.join(", ")}: apt-get install ${missing.map((name) => PROGRAMS[name]).join(" ")}`;
  if (!existsSync("/sys/fs/cgroup")) return "the lab of booted servers needs cgroups in /sys/fs/cgroup";
  if (!existsSync("/dev/loop-control"))
    return "the lab of booted servers needs loop devices, its servers' disks: modprobe loop";
  const { status } = spawnSync("unshare", ["--mount", "--net", "true"], { stdio: "ignore" });
  if (status !== 0)
    return "the lab of booted servers may make no namespaces here (a container without privileges?)";
  return undefined;
}
