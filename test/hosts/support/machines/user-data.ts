/**
 * What cloud-init makes of the kit's user data, on a root folder that has not been booted yet: users with their keys and
 * sudo, and `bootcmd` as a unit that every boot runs where Debian's cloud-init.service does: before sysinit.target and sshd.
 * Packages are left out: hosts of the lab reach no mirror.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { command } from "../lab/command";

const cloudConfig = z.object({
  bootcmd: z.array(z.string()).default([]),
  users: z.array(
    z.object({
      name: z.string(),
      shell: z.string(),
      sudo: z.string().optional(),
      ssh_authorized_keys: z.array(z.string()),
    }),
  ),
});

type User = z.output<typeof cloudConfig>["users"][number];

const UNIT = `[Unit]
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=infinity
ExecStart=/bin/sh /var/lib/cloud/bootcmd
[Install]
WantedBy=sysinit.target
`;

export async function applyUserData(root: string, userData: string): Promise<void> {
  const { bootcmd, users } = cloudConfig.parse(parse(userData));
  const write = (path: string, text: string, mode: number) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  };
  for (const user of users) await addUser(root, user, write);
  // The keys of the image are nobody's.
  await command(["/bin/sh", "-c", 'rm -f "$1"/etc/ssh/ssh_host_*', "sh", root]);
  const [script] = bootcmd;
  if (script === undefined) {
    // A server without a volume gets its key as every server does at its first boot.
    await command(["ssh-keygen", "-A", "-f", root]);
    return;
  }
  write("var/lib/cloud/bootcmd", script, 0o700);
  write("etc/systemd/system/cloud-init.service", UNIT, 0o644);
  const wants = join(root, "etc/systemd/system/sysinit.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync("/etc/systemd/system/cloud-init.service", join(wants, "cloud-init.service"));
}

async function addUser(
  root: string,
  { name, shell, sudo, ssh_authorized_keys: keys }: User,
  write: (path: string, text: string, mode: number) => void,
): Promise<void> {
  await command(["chroot", root, "useradd", "--create-home", "--shell", shell, name]);
  write(`home/${name}/.ssh/authorized_keys`, `${keys.join("\n")}\n`, 0o600);
  await command(["chroot", root, "chown", "-R", `${name}:${name}`, `/home/${name}/.ssh`]);
  if (sudo !== undefined) write(`etc/sudoers.d/${name}`, `${name} ${sudo}\n`, 0o440);
}
