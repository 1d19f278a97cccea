/**
 * A data centre behind moto: every instance is a booted host of the lab with the instance's private address and user data,
 * every attached volume a disk of it, every rule enforced. The stand-in of @pulumi/aws tells what happens
 * (test/aws/support/plugins/aws/machines.ts).
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { MACHINES_VARIABLE, type Told } from "../../../aws/support/plugins/aws/machines";
import type { Moto } from "../../../support/moto";
import type { Lab, LabHost } from "../lab";
import { Disks } from "./disks";
import { enforce, type Members } from "./firewall";
import { applyUserData } from "./user-data";

interface Machine {
  readonly host: LabHost;
  readonly groups: readonly string[];
  readonly image: string;
  /** More than one where a public address leads here. */
  readonly addresses: string[];
  readonly volumes: Set<string>;
}

/** Of the lab's /24; nobody else has it. */
const PUBLIC_ADDRESS = 250;

type Handlers = { readonly [What in keyof Told]: (about: Told[What]) => Promise<object | undefined> };

export class Machines {
  /** By instance. */
  private readonly machines = new Map<string, Machine>();
  private readonly publicAddresses = new Map<string, string>();
  private readonly disks: Disks;
  private count = 0;
  /** One change of the rules after another. */
  private rules: Promise<void> = Promise.resolve();

  private constructor(
    private readonly lab: Lab,
    private readonly server: Server,
    readonly ec2: EC2Client,
    /** Called before a server stops or ends, with its private address. */
    private readonly onGoing: (address: string) => Promise<void>,
  ) {
    this.disks = new Disks(lab.folder);
  }

  /** The caller must call `end`; hosts and disks go with the lab. */
  static async start(lab: Lab, moto: Moto, onGoing: (address: string) => Promise<void>): Promise<Machines> {
    const ec2 = new EC2Client({
      endpoint: moto.url,
      region: "eu-central-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const server = createServer();
    const machines = new Machines(lab, server, ec2, onGoing);
    server.on("request", (request, response) => {
      const what = request.url?.slice(1) ?? "";
      text(request)
        .then((body) => machines.handle(what, body))
        .then(
          (answer) => response.end(JSON.stringify(answer)),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return machines;
  }

  /** For the stand-in of AWS. */
  get env(): Record<string, string> {
    return { [MACHINES_VARIABLE]: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}` };
  }

  /** The booted host with this private address. @throws Error where there is none. */
  at(address: string): { readonly host: LabHost; readonly image: string } {
    const found = [...this.machines.values()].find(({ host }) => host.address === address);
    if (found === undefined) throw new Error(`no machine has the address ${address}`);
    return found;
  }

  get addresses(): string[] {
    return [...this.machines.values()].map(({ host }) => host.address).sort();
  }

  /** Hardware dies: the server stops at once, then AWS ends it and gives its disks free. */
  async lose(instanceId: string): Promise<void> {
    const InstanceIds = [instanceId];
    await this.ec2.send(
      new ModifyInstanceAttributeCommand({ InstanceId: instanceId, DisableApiTermination: { Value: false } }),
    );
    for (const VolumeId of this.machine(instanceId).volumes)
      await this.ec2.send(new DetachVolumeCommand({ VolumeId, InstanceId: instanceId }));
    await this.ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    await this.terminate(instanceId);
  }

  /** Boots a server again as EC2 does: same root, same disks. */
  async reboot(address: string): Promise<void> {
    const entry = [...this.machines].find(([, { host }]) => host.address === address);
    if (entry === undefined) throw new Error(`no machine has the address ${address}`);
    await this.lab.powerCut([entry[1].host], { stayOff: true });
    await this.boot(entry[1]);
  }

  async end(): Promise<void> {
    this.ec2.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(what: string, body: string): Promise<object> {
    if (!Object.hasOwn(this.handlers, what)) throw new Error(`nobody knows what ${what} is`);
    const handler = this.handlers[what as keyof Told] as (about: object) => Promise<object | undefined>;
    return (await handler(JSON.parse(body) as object)) ?? {};
  }

  private readonly handlers: Handlers = {
    run: async ({ instanceId }) => this.run(instanceId),
    start: async ({ instanceId }) => this.boot(this.machine(instanceId)),
    stop: async ({ instanceId }) => this.stop(instanceId),
    terminate: async ({ instanceId }) => this.terminate(instanceId),
    attach: async ({ instanceId, volumeId }) => {
      const { host, volumes } = this.machine(instanceId);
      volumes.add(volumeId);
      await this.lab.sh(host, await this.disks.attach(volumeId, await this.sizeOf(volumeId)));
      return undefined;
    },
    detach: async ({ volumeId }) => {
      for (const { volumes } of this.machines.values()) volumes.delete(volumeId);
      await this.disks.detach(volumeId);
      return undefined;
    },
    deleteVolume: async ({ volumeId }) => {
      this.disks.remove(volumeId);
      return undefined;
    },
    allocate: async ({ allocationId }) => {
      const publicIp = `${this.lab.network.prefix}.${PUBLIC_ADDRESS + this.publicAddresses.size}`;
      this.publicAddresses.set(allocationId, publicIp);
      return { publicIp };
    },
    associate: async ({ allocationId, instanceId }) => {
      const machine = this.machine(instanceId);
      const address = this.publicAddresses.get(allocationId) ?? "";
      machine.addresses.push(address);
      await this.lab.sh(
        machine.host,
        `until ip -4 -o address show dev host0 | grep -q .; do sleep 0.1; done; ip address add ${address}/32 dev host0`,
      );
      return this.enforceRules();
    },
    rules: async () => this.enforceRules(),
  };

  private async sizeOf(volumeId: string): Promise<number> {
    const { Volumes } = await this.ec2.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] }));
    return Volumes?.[0]?.Size ?? 0;
  }

  private machine(instanceId: string): Machine {
    const machine = this.machines.get(instanceId);
    if (machine === undefined) throw new Error(`no machine is ${instanceId}`);
    return machine;
  }

  private async run(instanceId: string): Promise<undefined> {
    const { Reservations } = await this.ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const instance = Reservations?.[0]?.Instances?.[0];
    if (instance === undefined) throw new Error(`moto has no ${instanceId}`);
    const { address, groups } = await this.place(instance);
    const { UserData } = await this.ec2.send(
      new DescribeInstanceAttributeCommand({ InstanceId: instanceId, Attribute: "userData" }),
    );
    const userData = Buffer.from(UserData?.Value ?? "", "base64").toString();
    this.count += 1;
    const host = { name: `i${this.count}`, address, zone: "" };
    const image = instance.ImageId ?? "";
    const machine = { host, groups, image, addresses: [address], volumes: new Set<string>() };
    this.machines.set(instanceId, machine);
    await this.enforceRules();
    await this.lab.add(host, (root) => applyUserData(root, userData));
    return undefined;
  }

  /** What is on the server's network interface. */
  private async place(instance: Instance): Promise<{ address: string; groups: string[] }> {
    const id = instance.NetworkInterfaces?.[0]?.NetworkInterfaceId ?? "";
    const { NetworkInterfaces } = await this.ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [id] }),
    );
    const [found] = NetworkInterfaces ?? [];
    const address = found?.PrivateIpAddress;
    if (address === undefined) throw new Error(`moto gave ${instance.InstanceId} no private address`);
    return { address, groups: (found?.Groups ?? []).map(({ GroupId }) => GroupId ?? "") };
  }

  private async boot({ host, volumes }: Machine): Promise<undefined> {
    await this.lab.boot([host]);
    for (const volume of volumes) await this.lab.sh(host, this.disks.appear(volume));
    return undefined;
  }

  /** At once, without a chance to shut down in order: what matters must be on the disk by then. */
  private async stop(instanceId: string): Promise<undefined> {
    const { host } = this.machine(instanceId);
    await this.onGoing(host.address);
    await this.lab.powerCut([host], { stayOff: true });
    return undefined;
  }

  private async terminate(instanceId: string): Promise<undefined> {
    const machine = this.machine(instanceId);
    await this.lab.remove(machine.host);
    for (const volume of machine.volumes) await this.disks.detach(volume);
    this.machines.delete(instanceId);
    return this.enforceRules();
  }

  private enforceRules(): Promise<undefined> {
    const next = this.rules.then(() => enforce(this.ec2, this.lab.network, this.members()));
    this.rules = next.catch(() => undefined);
    return next.then(() => undefined);
  }

  private members(): Members {
    const members = new Map<string, string[]>();
    for (const { groups, addresses } of this.machines.values())
      for (const group of groups) members.set(group, [...(members.get(group) ?? []), ...addresses]);
    return members;
  }
}
