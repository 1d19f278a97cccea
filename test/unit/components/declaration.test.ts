import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { declare, declarePublic, declareTargets } from "../../../components/declaration";
import { parseConfig } from "../../../config";
import { contradictions, declarationSchema } from "../../../provider/declaration";
import { parseRedisConf } from "../../../templates/render";

const context = { project: "project", stack: "stack", dataRoot: "/data" };
const PASSWORD = 'pass"word \\ with # everything';

describe("a declaration", () => {
  test("of any legal shape is whole, without contradictions, and the same every time", () => {
    const shapes = fc.record({
      shards: fc.integer({ min: 3, max: 20 }),
      replicasPerShard: fc.integer({ min: 0, max: 3 }),
      zones: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 }),
    });
    fc.assert(
      fc.property(shapes, (shape) => {
        const config = parseConfig(shape, context);
        const declaration = declare(config, PASSWORD);
        expect(declarationSchema.parse(declaration)).toEqual(declaration);
        expect(contradictions(declaration)).toEqual([]);
        expect(declaration.nodes).toHaveLength(shape.shards * (shape.replicasPerShard + 1));
        expect(declare(config, PASSWORD)).toEqual(declaration);
      }),
      { numRuns: 30 },
    );
  });

  test("lets every server's Redis listen on loopback too: the exporter asks it there", () => {
    const aws = { region: "eu-central-1", sshPublicKey: "ssh-ed25519 AAAA", sshCidrs: ["203.0.113.7/32"] };
    const { files, nodes } = declare(parseConfig({ target: "aws", aws }, context), PASSWORD);
    for (const { name, host } of nodes)
      expect(parseRedisConf(files[name] ?? "")).toContainEqual(["bind", host, "127.0.0.1"]);
  });

  test("has the password in its files, as the server and as its replica, and nowhere else", () => {
    const { password, files, ...rest } = declare(parseConfig({}, context), PASSWORD);
    expect(password).toBe(PASSWORD);
    expect(JSON.stringify(rest)).not.toContain("everything");
    for (const text of Object.values(files)) {
      const lines = parseRedisConf(text);
      expect(lines).toContainEqual(["requirepass", PASSWORD]);
      expect(lines).toContainEqual(["masterauth", PASSWORD]);
    }
  });

  test("watches only directives that the server tells, and knows which change live", () => {
    const redis = { maxmemory: "64mb", "rename-command": 'FLUSHALL ""', appendonly: true };
    const declared = declarePublic(parseConfig({ redis }, context));
    expect(declared.directives).toMatchObject({
      maxmemory: String(64 * 1024 * 1024),
      appendonly: "yes",
      "rename-command": 'FLUSHALL ""',
    });
    expect(declarePublic(parseConfig({}, context)).directives).toMatchObject({ "rename-command": "" });
    expect(declared.liveDirectives).toContain("maxmemory");
    expect(declared.liveDirectives).not.toContain("tcp-backlog");
  });

  const onServers = (part: object, ssh: object = {}) => {
    const servers = ["a", "b", "c", "a", "b", "c"].map((zone, index) => {
      return { name: `redis-${index + 1}`, host: `10.0.0.${11 + index}`, zone };
    });
    return parseConfig({ target: "ssh", ssh: { servers, ...ssh }, ...part }, context);
  };

  test("has no targets where exporters answer their own server alone", () => {
    expect(declareTargets(onServers({}))).toHaveLength(6);
    const config = onServers({}, { exporterListen: "loopback" });
    expect(declareTargets(config)).toEqual([]);
    expect(declarePublic(config).monitoring).toMatchObject({ exporters: {} });
  });

  test("says how old a backup may get by its schedule, or by its own key, and who tells of them", () => {
    const backup = { to: "/srv/backups", schedule: "Sat 12:30" };
    const monitoring = { nodeExporterPort: 9100 };
    const of = (part: object) => declarePublic(onServers(part)).monitoring;
    expect(of({ backup, monitoring })).toMatchObject({ backupMaxAgeHours: 170, nodeExporterPort: 9100 });
    expect(of({ backup, monitoring: { backupMaxAgeHours: "48" } })).toMatchObject({ backupMaxAgeHours: 48 });
    expect(of({ backup })).not.toHaveProperty("nodeExporterPort");
    // Without backups nobody has to tell of any.
    expect(of({ monitoring })).not.toHaveProperty("nodeExporterPort");
    // On this machine nothing takes them at the schedule's times.
    const local = parseConfig({ backup, monitoring: { ...monitoring, enabled: true } }, context);
    expect(declarePublic(local).monitoring).not.toHaveProperty("backupMaxAgeHours");
  });

  test("says whether a destroy purges only where it was said", () => {
    const config = parseConfig({}, context);
    expect(declarePublic(config)).not.toHaveProperty("purgeOnDestroy");
    expect(declarePublic(config, { purgeOnDestroy: true }).purgeOnDestroy).toBe(true);
  });
});
