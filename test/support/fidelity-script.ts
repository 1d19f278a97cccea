/** The script of the fidelity test: the rules of Redis Cluster that the engine relies on, errors included. */
import { NODES, type Stage, type Word } from "./fidelity";

const ALL = Array.from({ length: NODES }, (_, node) => node);
const UNKNOWN = "0123456789012345678901234567890123456789";

/** Keys by slot, found once: "{tag}" with that slot. */
const KEY_IN = { 0: "{3560}", 100: "{48063}", 12000: "{68446}", 16383: "{39296}" } as const;

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start + 1 }, (_, index) => start + index);
}

const HOST_ANY = "127.0.0.1";

/** Said to a node that knows nobody and has nothing. */
const FIRST_WORDS: readonly [string, ...Word[]][] = [
  ["PING"],
  ["FOO", "bar", "baz"],
  ["CLUSTER", "FOO"],
  ["GET"],
  ["SET", "a"],
  ["GET", "a"],
  ["AUTH", "x"],
  ["SELECT", 1],
  ["CLUSTER", "KEYSLOT", "{tag}x"],
  ["CLUSTER", "COUNTKEYSINSLOT", 99999],
  ["CLUSTER", "GETKEYSINSLOT", 1, -1],
  ["CLUSTER", "MEET", "localhost", 7000],
  ["CLUSTER", "MEET", "127.0.0.1", "abc"],
  ["CLUSTER", "MEET", "127.0.0.1", 99999],
  ["CLUSTER", "ADDSLOTS", 99999],
  ["CLUSTER", "ADDSLOTS", 1, 1],
  ["CLUSTER", "DELSLOTS", 5],
  ["CLUSTER", "SETSLOT", 1, "FOO", "x"],
  ["CLUSTER", "SETSLOT", 1, "NODE", UNKNOWN],
  ["CLUSTER", "SETSLOT", 1, "MIGRATING", UNKNOWN],
  ["CLUSTER", "SETSLOT", 1, "IMPORTING", UNKNOWN],
  ["CLUSTER", "FORGET", UNKNOWN],
  ["CLUSTER", "REPLICATE", UNKNOWN],
  ["CLUSTER", "REPLICAS", UNKNOWN],
  ["CLUSTER", "COUNT-FAILURE-REPORTS", UNKNOWN],
  ["CLUSTER", "FAILOVER"],
  ["CLUSTER", "FAILOVER", "BAD"],
  ["CLUSTER", "RESET", "BAD"],
  ["CLUSTER", "SET-CONFIG-EPOCH", -1],
  ["CLUSTER", "SET-CONFIG-EPOCH", "x"],
  ["CONFIG", "SET", "foo", "bar"],
  ["CONFIG", "SET", "databases", 3],
  ["CONFIG", "SET", "maxmemory", "abc"],
  ["CONFIG", "SET", "maxmemory-policy", "foo"],
  ["CONFIG", "SET", "appendonly", "maybe"],
  ["CONFIG", "SET", "maxmemory", "64mb"],
  ["CONFIG", "GET", "maxmemory"],
  ["CONFIG", "SET", "maxmemory", 0],
  ["CONFIG", "GET", "cluster-*-barrier"],
  ["CONFIG", "FOO"],
  ["MIGRATE", HOST_ANY, 1, "a", 0, 100],
  ["MEMORY", "USAGE", "a"],
  ["WAIT", 0, 0],
  ["CLIENT", "SETNAME", "two words"],
  ["CLIENT", "SETNAME", "kit"],
  ["CLIENT", "GETNAME"],
  ["CLIENT", "FOO"],
  ["ROLE"],
  ["DBSIZE"],
  ["DBSIZE", "x"],
];

/** What a node says that knows nobody and has nothing. */
export async function freshNode(s: Stage): Promise<void> {
  for (const node of ALL) await s.start(node);
  for (const line of FIRST_WORDS) await s.say(0, ...line);
  await s.showNodes(0);
}

/** Epochs, introductions, slots, replicas: until everybody agrees. */
export async function form(s: Stage): Promise<void> {
  for (const node of ALL) {
    await s.id(node);
    await s.say(node, "CLUSTER", "SET-CONFIG-EPOCH", node + 1);
  }
  await s.say(0, "CLUSTER", "SET-CONFIG-EPOCH", 9);
  for (const node of ALL.slice(1)) await s.say(0, "CLUSTER", "MEET", HOST_ANY, s.port(node));
  const known = async (node: number) => {
    const lines = await s.nodes(node);
    return lines.length === NODES && lines.every((line) => !line.includes("handshake"));
  };
  await s.until("all to know all", async () => (await Promise.all(ALL.map(known))).every(Boolean));
  await s.say(5, "CLUSTER", "SET-CONFIG-EPOCH", 9);
  await s.say(0, "CLUSTER", "ADDSLOTS", ...range(0, 5460));
  await s.say(1, "CLUSTER", "ADDSLOTS", ...range(5461, 16381));
  await s.say(2, "CLUSTER", "ADDSLOTS", 16382, 16383);
  await s.say(0, "CLUSTER", "ADDSLOTS", 0);
  const [zero, one, two] = [await s.id(0), await s.id(1), await s.id(2)];
  await s.until("slots to be known", async () => {
    const seen = (await s.nodes(3)).join();
    return [" 0-5460", " 5461-16381", " 16382-16383"].every((slots) => seen.includes(slots));
  });
  await s.say(3, "CLUSTER", "ADDSLOTS", 0);
  await s.say(0, "CLUSTER", "REPLICATE", one);
  await s.say(0, "CLUSTER", "REPLICATE", zero);
  await s.say(3, "CLUSTER", "REPLICATE", zero);
  await s.say(4, "CLUSTER", "REPLICATE", one);
  await s.say(5, "CLUSTER", "REPLICATE", two);
  await agreed(s);
  await s.say(0, "CLUSTER", "REPLICATE", await s.id(3));
  for (const node of ALL) await s.showNodes(node);
  await s.say(0, "CLUSTER", "REPLICAS", await s.id(4));
  const info = [
    "cluster_state",
    "cluster_slots_assigned",
    "cluster_slots_ok",
    "cluster_known_nodes",
    "cluster_size",
  ];
  await s.fields(0, ["CLUSTER", "INFO"], [...info, "cluster_my_epoch"]);
  await s.fields(3, ["CLUSTER", "INFO"], [...info, "cluster_my_epoch"]);
  const replication = ["role", "master_host", "master_port", "master_link_status", "master_sync_in_progress"];
  await s.fields(3, ["INFO", "replication"], [...replication, "connected_slaves", "slave_read_only"]);
  await s.fields(0, ["INFO", "replication"], ["role", "connected_slaves", "second_repl_offset"]);
}

/** All nodes say ok, every replica's link is up, and every node sees every other one as that one sees itself. */
export async function agreed(s: Stage, nodes: readonly number[] = ALL): Promise<void> {
  const look = async (node: number) => {
    const info = String(await s.ask(node, "CLUSTER", "INFO"));
    const link = String(await s.ask(node, "INFO", "replication"));
    const lines = await s.nodes(node);
    const quiet = lines.every((line) => !/fail|handshake|disconnected/.test(line));
    const fine = /cluster_state:ok/.test(info) && !/master_link_status:down/.test(link) && quiet;
    const own = lines.find((line) => line.includes("myself")) ?? "";
    return { fine, own, lines };
  };
  const plain = (own: string) => own.replace("myself,", "").replace(/ \[.*/, "");
  await s.until("agreement", async () => {
    const views = await Promise.all(nodes.map(look));
    const known = (own: string) => views.every((view) => view.own === own || view.lines.includes(plain(own)));
    return views.every(({ fine, own }) => fine && known(own));
  });
}

/** Who serves which key. */
export async function keys(s: Stage): Promise<void> {
  const key = KEY_IN[0];
  await s.say(0, "SET", key, "v0");
  await s.say(1, "GET", key);
  await s.say(0, "GET", key);
  await s.say(0, "SET", KEY_IN[16383], "v");
  await s.say(0, "MGET", key, KEY_IN[100]);
  await s.say(0, "EXISTS", key, `${key}no`);
  await s.say(0, "WAIT", 1, 5000);
  await s.say(3, "SET", key, "x");
  await s.say(3, "GET", key);
  await s.sayAll(3, [["READONLY"], ["GET", key], ["SET", key, "x"], ["READWRITE"], ["GET", key]]);
  await s.say(3, "FLUSHALL");
  await s.say(3, "DBSIZE");
  await s.say(0, "CLUSTER", "COUNTKEYSINSLOT", 0);
  await s.say(0, "CLUSTER", "GETKEYSINSLOT", 0, 10);
  await s.say(0, "CLUSTER", "FLUSHSLOTS");
  await s.say(0, "CLUSTER", "RESET");
  await s.say(0, "DEL", key, key);
  await s.say(0, "GET", key);
}

/** Several commands as one, and serialized values, on node 0. */
export async function scripts(s: Stage): Promise<void> {
  const key = KEY_IN[0];
  const run = (script: string, ...rest: Word[]) => s.say(0, "EVAL", script, ...rest);
  await run("return {1,2.9,'x',false,true,{KEYS[1]},redis.call('PING')}", 1, key);
  await run("return {1,nil,3}", 0);
  await run(
    "local n={} for i,s in ipairs(ARGV) do n[i]=redis.call('CLUSTER','COUNTKEYSINSLOT',s) end return n",
    0,
    0,
    1,
  );
  await run(
    "local r=redis.pcall('CLUSTER','SETSLOT',ARGV[1],'IMPORTING','x') return {ARGV[1],r.err}",
    0,
    6000,
  );
  await run("return redis.error_reply and 1 or 0", 0);
  await run("return {err='MINE it went wrong'}", 0);
  await run("return redis.call('SET',KEYS[1],ARGV[1])", 1, key, "by script");
  await run("return redis.call('GET',KEYS[1])", 1, KEY_IN[16383]);
  await s.say(3, "EVAL", "return redis.call('GET',KEYS[1])", 1, key);
  await s.sayAll(0, [
    ["MULTI"],
    ["GET", key],
    ["CLUSTER", "KEYSLOT", "x"],
    ["CLUSTER", "DELSLOTS", 16500],
    ["EXEC"],
  ]);
  await s.sayAll(0, [["MULTI"], ["GET"], ["EXEC"], ["EXEC"]]);
  await s.sayAll(0, [["MULTI"], ["MULTI"], ["DISCARD"], ["DISCARD"]]);
  await s.say(0, "DUMP", `${key}no`);
  await s.say(0, "RESTORE", `${key}r`, 0, "rubbish that is no dump");
  const dumped = await (await s.client(0)).callBinary("DUMP", key);
  await s.say(0, "RESTORE", key, 0, Buffer.isBuffer(dumped) ? dumped : "");
  await (await s.client(0)).callBinary(
    "RESTORE",
    key,
    5000,
    Buffer.isBuffer(dumped) ? dumped : "",
    "REPLACE",
  );
  await s.say(0, "TTL", key);
  await s.say(0, "GET", key);
  await s.say(0, "DEL", key);
}

/** A slot that moves, and every way to do it wrong. Slot 100 goes from n0 to n1, slot 0 stays. */
export async function moveSlot(s: Stage): Promise<void> {
  const [zero, one, three] = [await s.id(0), await s.id(1), await s.id(3)];
  const key = KEY_IN[100];
  const to = [HOST_ANY, s.port(1)] as const;
  for (const suffix of ["a", "b", "c"]) await s.say(0, "SET", key + suffix, suffix);
  await s.say(1, "CLUSTER", "SETSLOT", 100, "MIGRATING", zero);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "IMPORTING", one);
  await s.say(3, "CLUSTER", "SETSLOT", 100, "IMPORTING", one);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "MIGRATING", three);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "STABLE");
  await s.say(0, "MIGRATE", ...to, `${key}a`, 0, 1000);
  await s.say(1, "CLUSTER", "SETSLOT", 100, "IMPORTING", zero);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "MIGRATING", one);
  await s.showNodes(0);
  await s.showNodes(1);
  await s.say(0, "GET", `${key}a`);
  await s.say(0, "GET", `${key}missing`);
  await s.say(0, "MGET", `${key}a`, `${key}missing`);
  await s.say(1, "GET", `${key}a`);
  await s.sayAll(1, [["ASKING"], ["GET", `${key}a`], ["GET", `${key}a`]]);
  await s.sayAll(1, [["ASKING"], ["MGET", `${key}a`, `${key}b`]]);
  await s.sayAll(1, [["ASKING"], ["SET", `${key}a`, "other"]]);
  await s.say(0, "MIGRATE", ...to, `${key}missing`, 0, 1000);
  await s.say(0, "MIGRATE", ...to, `${key}a`, 0, 1000);
  await s.say(0, "MIGRATE", ...to, `${key}a`, 1, 1000);
  await s.say(0, "MIGRATE", HOST_ANY, 1, `${key}a`, 0, 1000);
  await s.say(0, "MIGRATE", ...to, `${key}a`, 0, 1000, "KEYS", `${key}b`);
  await s.say(0, "MIGRATE", ...to, `${key}a`, 0, 1000, "BAD");
  await s.say(0, "MIGRATE", ...to, `${key}b`, 0, 1000, "COPY");
  await s.say(0, "EXISTS", `${key}b`);
  await s.say(0, "MIGRATE", ...to, "", 0, 1000, "KEYS", `${key}a`, `${key}b`, `${key}c`);
  await s.say(0, "CLUSTER", "COUNTKEYSINSLOT", 100);
  await s.say(1, "CLUSTER", "COUNTKEYSINSLOT", 100);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "NODE", one);
  await s.say(0, "MIGRATE", ...to, "", 0, 1000, "REPLACE", "KEYS", `${key}a`, `${key}b`);
  await s.say(0, "CLUSTER", "COUNTKEYSINSLOT", 100);
  await s.say(1, "CLUSTER", "SETSLOT", 100, "NODE", one);
  await s.showNodes(1);
  await s.say(0, "CLUSTER", "SETSLOT", 100, "NODE", one);
  await agreed(s);
  for (const node of [0, 1, 2]) await s.showNodes(node);
  await s.sayAll(1, [
    ["GET", `${key}a`],
    ["GET", `${key}b`],
    ["GET", `${key}c`],
  ]);
  await s.say(0, "GET", `${key}a`);
}

/** The target is made owner while the source still has keys: the source deletes them. */
export async function dirtySlot(s: Stage): Promise<void> {
  const [zero, one] = [await s.id(0), await s.id(1)];
  await s.say(0, "SET", KEY_IN[0], "doomed");
  await s.say(1, "CLUSTER", "SETSLOT", 0, "IMPORTING", zero);
  await s.say(0, "CLUSTER", "SETSLOT", 0, "MIGRATING", one);
  await s.say(1, "CLUSTER", "SETSLOT", 0, "NODE", one);
  await s.until("the source to learn of it", async () => Number(await s.ask(0, "DBSIZE")) === 0);
  await s.showNodes(0);
  await s.showNodes(1);
  await s.say(1, "GET", KEY_IN[0]);
}

/** A restart keeps open slots, ids and epochs; a primary waits before it serves. */
export async function restart(s: Stage): Promise<void> {
  const [one, two] = [await s.id(1), await s.id(2)];
  await s.say(1, "CLUSTER", "SETSLOT", 12000, "MIGRATING", two);
  await s.say(2, "CLUSTER", "SETSLOT", 12000, "IMPORTING", one);
  await s.say(1, "SET", KEY_IN[12000], "kept");
  await s.kill(1);
  await s.start(1);
  await s.say(1, "GET", KEY_IN[12000]);
  await agreed(s);
  await s.showNodes(1);
  await s.say(1, "GET", KEY_IN[12000]);
  await s.say(1, "CLUSTER", "SETSLOT", 12000, "STABLE");
  await s.say(2, "CLUSTER", "SETSLOT", 12000, "STABLE");
}

/** A primary whose last slot is taken. */
export async function emptied(s: Stage): Promise<void> {
  const [one, two] = [await s.id(1), await s.id(2)];
  for (const slot of [16382, 16383]) {
    await s.say(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", two);
    await s.say(2, "CLUSTER", "SETSLOT", slot, "MIGRATING", one);
    await s.say(1, "CLUSTER", "SETSLOT", slot, "NODE", one);
  }
  await s.until("it to become a replica", async () =>
    /role:slave/.test(String(await s.ask(2, "INFO", "replication"))),
  );
  await s.say(2, "CLUSTER", "SETSLOT", 16382, "NODE", one);
  await agreed(s);
  // Whom its replica follows depends on what that one heard first, before 7.0: the new owner or the change of role.
  for (const node of [0, 2]) await s.showNodes(node, [5]);
}

/** Planned, forced and taken. */
export async function failovers(s: Stage): Promise<void> {
  await s.say(0, "CLUSTER", "FAILOVER");
  // On 5.0 a stream at offset 0 can not be handed over: something must have been written.
  await s.say(0, "SET", "{7000}", "x");
  await s.until("the stream to move", async () =>
    /slave0:.*offset=[1-9]/.test(String(await s.ask(0, "INFO", "replication"))),
  );
  for (const mode of [[], ["FORCE"], ["TAKEOVER"]]) {
    const heir = /role:slave/.test(String(await s.ask(3, "INFO", "replication"))) ? 3 : 0;
    const old = heir === 3 ? 0 : 3;
    await s.say(heir, "CLUSTER", "FAILOVER", ...mode);
    await s.until("the roles to swap", async () =>
      /role:slave/.test(String(await s.ask(old, "INFO", "replication"))),
    );
    await agreed(s);
    await s.showNodes(1);
    await s.say(old, "CLUSTER", "FAILOVER", "BAD");
    await s.say(heir, "CLUSTER", "BUMPEPOCH");
    // A primary is voted for once in two node timeouts.
    await s.sleep(2200);
  }
}

/** Passwords, as new connections see them and as MIGRATE needs them. Node 1 wants one, node 0 or 3 moves keys to it. */
export async function passwords(s: Stage): Promise<void> {
  const source = /role:master/.test(String(await s.ask(0, "INFO", "replication"))) ? 0 : 3;
  const key = KEY_IN[0].replace("3560", "7000");
  const slot = Number(await s.ask(0, "CLUSTER", "KEYSLOT", key));
  await s.say(source, "SET", key, "secret");
  await s.say(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", await s.id(source));
  await s.say(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", await s.id(1));
  await s.say(source, "MIGRATE", HOST_ANY, s.port(1), key, 0, 1000, "AUTH", "hunter2");
  await s.say(1, "CONFIG", "SET", "requirepass", "hunter2");
  s.drop(1);
  await s.say(1, "PING");
  await s.say(source, "MIGRATE", HOST_ANY, s.port(1), key, 0, 1000, "REPLACE");
  await s.say(source, "MIGRATE", HOST_ANY, s.port(1), key, 0, 1000, "REPLACE", "AUTH", "wrong");
  await s.say(source, "MIGRATE", HOST_ANY, s.port(1), key, 0, 1000, "REPLACE", "AUTH", "hunter2");
  await s.sayAll(1, [["AUTH", "wrong"], ["PING"], ["AUTH", "hunter2"], ["CONFIG", "GET", "requirepass"]]);
  await s.say(1, "CONFIG", "SET", "requirepass", "");
  s.drop(1);
  await s.say(source, "CLUSTER", "SETSLOT", slot, "STABLE");
  await s.say(1, "CLUSTER", "SETSLOT", slot, "NODE", await s.id(1));
}

/** Leaving: forgotten by one, by all, and reset. */
export async function leave(s: Stage): Promise<void> {
  await s.say(2, "CLUSTER", "FORGET", await s.id(2));
  await s.say(2, "CLUSTER", "FORGET", await s.id(1));
  await s.say(1, "CLUSTER", "RESET", "HARD");
  const leaving = await s.id(5);
  const others = [0, 1, 2, 3, 4];
  for (const node of others) await s.say(node, "CLUSTER", "FORGET", leaving);
  await s.say(5, "CLUSTER", "RESET", "HARD");
  await s.id(5);
  await s.sleep(1500);
  for (const node of [1, 5]) await s.showNodes(node);
  await s.say(5, "DBSIZE");
  await s.say(5, "CLUSTER", "SET-CONFIG-EPOCH", 77);
  await s.say(5, "CLUSTER", "RESET", "SOFT");
  await s.showNodes(5);
  await s.say(4, "CLUSTER", "RESET", "SOFT");
  await s.showNodes(4);
}
