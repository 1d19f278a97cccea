/** What Prometheus's EC2 discovery makes of the servers that are there: its own program, asked for its targets. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { ec2Scrape, prometheusYml } from "../../../templates/monitoring/targets";
import { prometheus, promtool } from "../../monitoring/support/programs";
import { eventually } from "../../monitoring/support/watched-cluster";
import type { Moto } from "../../support/moto";
import { freePorts } from "../../support/ports";

const run = promisify(execFile);

export interface Discovered {
  /** Address that it scrapes. */
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
}

const targetsSchema = z.object({
  data: z.object({ activeTargets: z.array(z.object({ labels: z.record(z.string(), z.string()) })) }),
});

/** Sorted by address. The configuration is that of `monitoring files`, but for where AWS is. */
export async function discover(cluster: string, moto: Moto, count: number): Promise<Discovered[]> {
  const folder = await mkdtemp(join(tmpdir(), "redis-cluster-kit-discovery-"));
  const file = join(folder, "prometheus-ec2.yml");
  const scrape = ec2Scrape(
    { cluster, scrapeIntervalSeconds: 15 },
    { region: "eu-central-1", exporterPort: 9121 },
  );
  const text = prometheusYml({ scrapes: [scrape], ruleFiles: [], evaluationIntervalSeconds: 15 });
  await writeFile(file, text);
  await run(promtool(), ["check", "config", file]);
  await writeFile(file, text.replace(/^( *)(- )?(region: .*)$/m, `$1$2$3\n$1  endpoint: ${moto.url}`));
  const [port = 0] = await freePorts(1);
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn(prometheus(), args, {
    env: { ...process.env, ...moto.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4_000);
  });
  const look = async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${log}`);
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/targets`).catch(() => undefined);
    if (answer?.ok !== true) return [];
    return targetsSchema.parse(await answer.json()).data.activeTargets.map(({ labels }) => labels);
  };
  try {
    const found = await eventually(
      "Prometheus finds the servers",
      look,
      (seen) => seen.length >= count,
      30_000,
    );
    return found
      .map(({ instance = "", job: _job, ...labels }) => ({ instance, labels }))
      .sort((one, other) => (one.instance < other.instance ? -1 : 1));
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
