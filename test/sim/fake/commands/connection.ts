/** Commands about the connection itself, and about who may use the node. */
import type { ServedClient } from "../client-session";
import { Failure, integer, OK, Status, type Value } from "../value";
import { ANY, runSubcommand, type Subcommand } from "./subcommands";
import type { Call, CommandSpec } from "./table";

function auth({ server, client, argv }: Call): Value {
  if (!server.release.acl && argv.length !== 2) {
    throw new Failure("ERR wrong number of arguments for 'auth' command");
  }
  if (argv.length > 3) throw new Failure("ERR syntax error");
  const refusal = server.accounts.refusal(argv.slice(1));
  // 5.0 takes a wrong password as a farewell; later ones keep who was let in before.
  if (refusal && !server.release.acl && !server.accounts.open) client.authenticated = false;
  if (refusal) throw new Failure(refusal);
  client.authenticated = true;
  return OK;
}

function describe(client: ServedClient, now: number, acl: boolean): string {
  const age = Math.floor((now - client.connectedMs) / 1000);
  const user = acl ? " user=default redir=-1" : "";
  return (
    `id=${client.id} addr=${client.address} fd=${client.id + 6} name=${client.name} age=${age} idle=0 flags=N db=0 ` +
    `sub=0 psub=0 multi=-1 qbuf=${client.waitingBytes} qbuf-free=32742 obl=0 oll=0 omem=0 events=r cmd=${client.lastCommand}${user}`
  );
}

function setName({ client, argv }: Call): Value {
  const name = argv[2] ?? "";
  for (const char of name) {
    if (char < "!" || char > "~") {
      throw new Failure("ERR Client names cannot contain spaces, newlines or special characters.");
    }
  }
  client.name = name;
  return OK;
}

/** CLIENT KILL ID n, and CLIENT KILL addr. */
function kill({ server, argv }: Call): Value {
  const byId = argv.length === 4 && argv[2]?.toLowerCase() === "id";
  const found = [...server.clients].filter((other) =>
    byId ? other.id === Number(argv[3]) : other.address === argv[2],
  );
  if (!byId && found.length === 0) throw new Failure("ERR No such client");
  for (const other of found) other.disconnect("closed");
  return byId ? found.length : OK;
}

function pause({ server, argv }: Call): Value {
  server.pauseClients(server.now() + integer(argv[2]));
  return OK;
}

const CLIENT: Readonly<Record<string, Subcommand>> = {
  id: { argc: [2, 2], run: ({ client }) => client.id },
  getname: { argc: [2, 2], run: ({ client }) => client.name || null },
  setname: { argc: [3, 3], run: setName },
  list: {
    argc: [2, ANY],
    run: ({ server }) =>
      [...server.clients].map((other) => `${describe(other, server.now(), server.release.acl)}\n`).join(""),
  },
  kill: { argc: [3, ANY], run: kill },
  pause: { argc: [3, 4], run: pause },
  unpause: {
    argc: [2, 2],
    run: ({ server }) => {
      server.unpauseClients();
      return OK;
    },
  },
};

function setUser({ server, argv }: Call): Value {
  if (argv[2] !== "default") throw new Failure("ERR the fake knows the default user only");
  const refusal = server.accounts.change(argv.slice(3));
  if (refusal) throw new Failure(refusal);
  return OK;
}

const ACL: Readonly<Record<string, Subcommand>> = {
  whoami: { argc: [2, 2], run: () => "default" },
  getuser: {
    argc: [3, 3],
    run: ({ server, argv }) => (argv[2] === "default" ? server.accounts.describe() : null),
  },
  setuser: { argc: [3, ANY], run: setUser },
};

function toggle(field: "asking" | "readOnly", value: boolean) {
  return ({ client }: Call): Value => {
    client[field] = value;
    return OK;
  };
}

export const CONNECTION_COMMANDS: Readonly<Record<string, CommandSpec>> = {
  auth: { arity: -2, loading: true, run: auth },
  ping: { arity: -1, run: ({ argv }) => argv[1] ?? new Status("PONG") },
  echo: { arity: 2, run: ({ argv }) => argv[1] ?? "" },
  select: {
    arity: 2,
    loading: true,
    run: ({ argv }) => {
      if (integer(argv[1]) !== 0) throw new Failure("ERR SELECT is not allowed in cluster mode");
      return OK;
    },
  },
  client: { arity: -2, run: (call) => runSubcommand(call, CLIENT) },
  acl: { arity: -2, acl: true, loading: true, run: (call) => runSubcommand(call, ACL) },
  asking: { arity: 1, run: toggle("asking", true) },
  readonly: { arity: 1, run: toggle("readOnly", true) },
  readwrite: { arity: 1, run: toggle("readOnly", false) },
};
