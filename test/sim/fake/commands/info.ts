/** INFO: the sections and fields that a person or the engine reads. */
import type { Server } from "../server";

type Fields = readonly (readonly [name: string, value: string | number])[];

function serverSection(server: Server): Fields {
  const uptime = Math.floor((server.now() - server.startedMs) / 1000);
  return [
    ["redis_version", server.release.version],
    ["redis_git_sha1", "00000000"],
    ["redis_mode", "cluster"],
    ["os", "Linux x86_64"],
    ["arch_bits", 64],
    ["process_id", server.pid],
    ["run_id", server.runId],
    ["tcp_port", server.port],
    ["uptime_in_seconds", uptime],
    ["uptime_in_days", Math.floor(uptime / 86400)],
    ["hz", 10],
    ["configured_hz", 10],
    ["executable", "/usr/bin/redis-server"],
    ["config_file", server.node.disk.conf ? server.node.confPath : ""],
  ];
}

function memorySection(server: Server): Fields {
  const used = server.usedMemory();
  return [
    ["used_memory", used],
    ["used_memory_rss", used + 2_000_000],
    ["used_memory_peak", used],
    ["used_memory_dataset", server.db.bytes],
    ["total_system_memory", 8_589_934_592],
    ["maxmemory", server.config.number("maxmemory")],
    ["maxmemory_policy", server.config.get("maxmemory-policy") ?? ""],
    ["mem_fragmentation_ratio", "1.05"],
  ];
}

function persistenceSection(server: Server): Fields {
  return [
    ["loading", server.loading ? 1 : 0],
    ["rdb_changes_since_last_save", 0],
    ["rdb_bgsave_in_progress", 0],
    ["rdb_last_bgsave_status", "ok"],
    ["aof_enabled", server.config.flag("appendonly") ? 1 : 0],
    ["aof_rewrite_in_progress", 0],
    ["aof_last_write_status", "ok"],
  ];
}

function replicationSection(server: Server): Fields {
  const { replication, config } = server;
  const fields: [string, string | number][] = [["role", replication.hasPrimary ? "slave" : "master"]];
  if (replication.hasPrimary) {
    const transfer = replication.state === "transfer";
    const since = Math.floor((server.now() - replication.lastInteractionMs) / 1000);
    fields.push(
      ["master_host", replication.primaryHost],
      ["master_port", replication.primaryPort],
      ["master_link_status", replication.linkUp ? "up" : "down"],
      ["master_last_io_seconds_ago", replication.linkUp ? since : -1],
      ["master_sync_in_progress", transfer ? 1 : 0],
      ["slave_repl_offset", replication.replicaOffset()],
    );
    if (!replication.linkUp) fields.push(["master_link_down_since_seconds", replication.downSeconds]);
    fields.push(["slave_priority", config.number("replica-priority")], ["slave_read_only", 1]);
  }
  fields.push(["connected_slaves", replication.replicas.length]);
  for (const [index, link] of replication.replicas.entries()) {
    const lag = link.state === "online" ? Math.floor((server.now() - link.ackMs) / 1000) : 0;
    const { ip, port } = link.replica;
    fields.push([
      `slave${index}`,
      `ip=${ip},port=${port},state=${link.state},offset=${link.ackOffset},lag=${lag}`,
    ]);
  }
  const backlog = replication.backlogInfo;
  fields.push(
    ["master_replid", replication.replid],
    ["master_replid2", replication.replid2],
    ["master_repl_offset", replication.offset],
    ["second_repl_offset", replication.secondOffset],
    ["repl_backlog_active", backlog.active ? 1 : 0],
    ["repl_backlog_size", config.number("repl-backlog-size")],
    ["repl_backlog_first_byte_offset", backlog.first],
    ["repl_backlog_histlen", backlog.length],
  );
  return fields;
}

function keyspaceSection(server: Server): Fields {
  if (server.db.size === 0) return [];
  return [["db0", `keys=${server.db.size},expires=${server.db.withExpiry()},avg_ttl=0`]];
}

const SECTIONS: readonly (readonly [title: string, fields: (server: Server) => Fields])[] = [
  ["Server", serverSection],
  [
    "Clients",
    (server) => [
      ["connected_clients", server.clients.size],
      ["blocked_clients", 0],
    ],
  ],
  ["Memory", memorySection],
  ["Persistence", persistenceSection],
  [
    "Stats",
    () => [
      ["total_connections_received", 0],
      ["evicted_keys", 0],
    ],
  ],
  ["Replication", replicationSection],
  [
    "CPU",
    () => [
      ["used_cpu_sys", "0.000000"],
      ["used_cpu_user", "0.000000"],
    ],
  ],
  ["Cluster", () => [["cluster_enabled", 1]]],
  ["Keyspace", keyspaceSection],
];

export function infoText(server: Server, wanted: readonly string[]): string {
  const names = new Set(wanted.map((name) => name.toLowerCase()));
  const everything = names.size === 0 || ["all", "default", "everything"].some((name) => names.has(name));
  return SECTIONS.filter(([title]) => everything || names.has(title.toLowerCase()))
    .map(([title, fields]) => {
      const lines = fields(server).map(([name, value]) => `${name}:${value}\r\n`);
      return `# ${title}\r\n${lines.join("")}`;
    })
    .join("\r\n");
}
