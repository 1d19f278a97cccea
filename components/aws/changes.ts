/** What a changed declaration asks of servers that are there: which image each is to have, and what no volume can do. Pure. */
import type { AwsSettings } from "../../config";
import { architectureOf } from "../../config/aws/instance-types";
import type { AwsFacts, RunningServer } from "./facts";
import { problem } from "./refused";

/** Servers that a server of the declared type can share an image with. */
export function ofArchitecture(
  architecture: string,
  running: readonly RunningServer[],
): readonly RunningServer[] {
  return running.filter(({ instanceType }) => architectureOf(instanceType) === architecture);
}

/**
 * One cluster, one image: a server keeps its own and newcomers get the others', until another one is declared. The image of
 * another architecture cannot start on the declared type: those servers are replaced with one that fits.
 */
export function imageOf(
  server: RunningServer | undefined,
  { architecture }: AwsSettings,
  { image, running }: AwsFacts,
): string {
  const fitting = ofArchitecture(architecture, running);
  const own = fitting.find((each) => each === server);
  return image?.id ?? own?.ami ?? fitting[0]?.ami ?? "";
}

/** AWS would say so in the middle of the run, after servers before have had their turn. */
export function shrinkProblems(settings: AwsSettings, running: readonly RunningServer[]): string[] {
  const sizes = [
    ["dataVolumeGib", settings.dataVolumeGib, ({ dataGib }: RunningServer) => dataGib],
    ["rootVolumeGib", settings.rootVolumeGib, ({ rootGib }: RunningServer) => rootGib],
  ] as const;
  return sizes.flatMap(([key, declared, has]) => {
    const larger = running.filter((server) => declared < (has(server) ?? 0));
    const most = Math.max(0, ...larger.map((server) => has(server) ?? 0));
    if (larger.length === 0) return [];
    return [
      problem(
        `aws.${key}: ${declared} GiB, and ${larger.map(({ node }) => node).join(", ")} ${larger.length === 1 ? "has" : "have"} ${most} GiB`,
        `at least ${most}: AWS cannot make a volume smaller`,
        `pulumi config set --path aws.${key} ${most}; to get smaller ones, make a second cluster beside it and move the data (backup and restore)`,
      ),
    ];
  });
}
