/** Which commands change something that outlives the connection. */

const READING = new Set([
  "PING",
  "ECHO",
  "AUTH",
  "SELECT",
  "INFO",
  "ROLE",
  "TIME",
  "ASKING",
  "READONLY",
  "READWRITE",
  "DBSIZE",
  "GET",
  "MGET",
  "STRLEN",
  "TYPE",
  "EXISTS",
  "TTL",
  "PTTL",
  "KEYS",
  "SCAN",
  "WAIT",
  "MEMORY",
  "DEBUG",
  "CLIENT",
]);

const READING_SUB: Readonly<Record<string, ReadonlySet<string>>> = {
  CLUSTER: new Set([
    "MYID",
    "INFO",
    "NODES",
    "SLOTS",
    "COUNTKEYSINSLOT",
    "GETKEYSINSLOT",
    "KEYSLOT",
    "REPLICAS",
    "SLAVES",
    "COUNT-FAILURE-REPORTS",
  ]),
  CONFIG: new Set(["GET"]),
  ACL: new Set(["WHOAMI", "GETUSER"]),
};

export function isMutation(argv: readonly string[]): boolean {
  const name = (argv[0] ?? "").toUpperCase();
  if (READING.has(name)) return false;
  return READING_SUB[name]?.has((argv[1] ?? "").toUpperCase()) !== true;
}
