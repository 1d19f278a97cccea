/** Data volumes: a file each, which a host of the lab sees as the disk that EC2 would show it. */
import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { command } from "../lab/command";

const GIB = 1024 ** 3;
const DETACH_MS = 10_000;

export class Disks {
  /** Loop devices by volume. */
  private readonly devices = new Map<string, string>();
  private readonly folder: string;

  constructor(lab: string) {
    this.folder = join(lab, "volumes");
    mkdirSync(this.folder);
  }

  private file(volumeId: string): string {
    return join(this.folder, volumeId);
  }

  /** Commands that make the disk appear in a running host. */
  async attach(volumeId: string, sizeGib: number): Promise<string> {
    writeFileSync(this.file(volumeId), "", { flag: "a" });
    this.stretch(volumeId, sizeGib);
    const device = (await command(["losetup", "--find", "--show", this.file(volumeId)])).trim();
    this.devices.set(volumeId, device);
    return this.appear(volumeId);
  }

  /** Sparse: only what is written takes room here. */
  private stretch(volumeId: string, sizeGib: number): void {
    const { size } = statSync(this.file(volumeId));
    if (size < sizeGib * GIB) truncateSync(this.file(volumeId), sizeGib * GIB);
  }

  /** The same for a host that was booted again; "" where the volume is not attached. */
  appear(volumeId: string): string {
    const device = this.devices.get(volumeId);
    if (device === undefined) return "";
    const { rdev } = statSync(device);
    const [major, minor] = [Math.floor(rdev / 256) % 4096, rdev % 256];
    const name = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volumeId.replace("-", "")}`;
    return `mkdir -p /dev/disk/by-id; [ -e ${name} ] || mknod -m 0660 ${name} b ${major} ${minor}`;
  }

  /** Resolves when nobody has it mounted any more. */
  async detach(volumeId: string): Promise<void> {
    const device = this.devices.get(volumeId);
    if (device === undefined) return;
    await command(["losetup", "--detach", device]);
    const deadline = performance.now() + DETACH_MS;
    while ((await command(["losetup", "--associated", this.file(volumeId)])).trim() !== "") {
      if (performance.now() > deadline) throw new Error(`${volumeId} is still in use by somebody`);
      await sleep(50);
    }
    this.devices.delete(volumeId);
  }

  remove(volumeId: string): void {
    rmSync(this.file(volumeId), { force: true });
  }
}
