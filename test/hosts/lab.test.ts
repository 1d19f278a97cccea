/** The lab itself: what tests of servers rely on. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Lab, type LabHost, startLab } from "./support/lab";
import { command, tryCommand } from "./support/lab/command";
import { clearLeftovers } from "./support/lab/leftovers";
import { describeWithLab } from "./support/tier";

describeWithLab("the lab", () => {
  it("boots servers with addresses of their own, cuts them apart, reboots them, cuts their power, leaves nothing", async () => {
    const lab = await startLab({ hosts: 3, bastion: true });
    try {
      await expectServers(lab);
      await expectCuts(lab);
      await expectBoots(lab);
    } finally {
      await lab.stop();
    }
    await expectNothingLeft(lab);
  });

  it("clears what a killed run has left, and nothing of a run that lives", async () => {
    const [killed, alive] = await Promise.all([startLab({ hosts: 1 }), startLab({ hosts: 1 })]);
    try {
      // As after a SIGKILL: everything is there but its owner.
      writeFileSync(
        join(tmpdir(), killed.id, "owner.json"),
        JSON.stringify({ pid: 999_999_999, started: "1" }),
      );
      const told: string[] = [];
      await clearLeftovers((line) => told.push(line));
      expect(told).toEqual([`Clearing ${killed.id}, which a run that was killed has left.`]);
      await expectNothingLeft(killed);
      expect(await alive.sh(alive.hosts[0] as LabHost, "hostname")).toBe("h1\n");
      expect(alive.hosts[0]?.address).not.toBe(killed.hosts[0]?.address);
    } finally {
      await Promise.all([killed.stop(), alive.stop()]);
    }
  });
});

function three(lab: Lab): [LabHost, LabHost, LabHost] {
  const [one, two, three] = lab.hosts;
  if (!one || !two || !three) throw new Error("three hosts were asked for");
  return [one, two, three];
}

async function expectServers(lab: Lab): Promise<void> {
  const ids = new Set<string>();
  for (const host of lab.hosts) {
    expect((await lab.sh(host, "hostname; ps -o comm= -p 1")).split("\n")).toEqual([
      host.name,
      "systemd",
      "",
    ]);
    expect(await lab.exec(host, ["systemctl", "--failed", "--no-legend"])).toBe("");
    ids.add(`${await lab.exec(host, ["cat", "/etc/machine-id"])} ${lab.ssh(host).hostKey}`);
  }
  expect(ids.size).toBe(3);
  expect(new Set(lab.hosts.map(({ zone }) => zone)).size).toBe(3);
}

async function reaches(lab: Lab, from: LabHost, to: LabHost): Promise<boolean> {
  return (await lab.tryExec(from, ["ping", "-c1", "-W1", to.address])).code === 0;
}

async function expectCuts(lab: Lab): Promise<void> {
  const [one, two, three_] = three(lab);
  await lab.cut([one]);
  expect([await reaches(lab, one, two), await reaches(lab, two, one)]).toEqual([false, false]);
  expect(await reaches(lab, two, three_)).toBe(true);
  await lab.cutFromHere([two]);
  expect((await tryCommand(["timeout", "1", "bash", "-c", `</dev/tcp/${two.address}/22`])).code).not.toBe(0);
  await lab.heal();
  expect(await reaches(lab, one, two)).toBe(true);
}

async function expectBoots(lab: Lab): Promise<void> {
  const [one] = three(lab);
  const bootId = () => lab.exec(one, ["cat", "/run/booted"]).catch(() => "");
  const mark = () => lab.sh(one, "echo yes >/run/booted; echo kept >/var/lib/kept");
  await mark();
  await lab.reboot(one);
  expect([await bootId(), await lab.exec(one, ["cat", "/var/lib/kept"])]).toEqual(["", "kept\n"]);
  await mark();
  await lab.powerCut([one]);
  expect([await bootId(), await lab.exec(one, ["cat", "/var/lib/kept"])]).toEqual(["", "kept\n"]);
}

async function expectNothingLeft(lab: Lab): Promise<void> {
  const { id } = lab;
  expect(existsSync(join(tmpdir(), id))).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(`/${id}/`);
  expect(await command(["ip", "-brief", "link"])).not.toMatch(new RegExp(`^${id}\\b`, "m"));
  expect(existsSync(`/run/netns/${id}`)).toBe(false);
  const running = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => argumentsOf(pid).includes(`--machine=${id}-`));
  expect(running).toEqual([]);
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
