/** The machine in the words of Node, Pulumi and nodejs.org: "linux-x64", "darwin-arm64". */
export function platformName(): string {
  return `${process.platform}-${process.arch}`;
}

/** Orders "5.0.14" after "5.0.6": numbers part by part, missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The line of releases that a version belongs to: "5.0" of "5.0.14". Data files and replication are compatible within it. */
export function minorLine(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
