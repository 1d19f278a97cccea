/**
 * EVAL: scripts run as they are, in a Lua for JavaScript. It is Lua 5.3 where Redis has 5.1; scripts that need the difference
 * do not belong into the engine. One state serves all servers of a process: a script keeps nothing between two runs.
 */
import { type LuaState, lauxlib, lua, lualib } from "fengari";
import { Deferred, Failure, Status, type Value } from "../value";

/** Runs one command for the script. @throws Failure for an error reply */
export type CallRedis = (argv: readonly string[]) => Value | Deferred;

let state: LuaState | undefined;
let current: Run | undefined;
const compiled = new Map<string, number>();

/** Short strings come again and again: command names, slots, ids. */
const KEEP_LENGTH = 40;
const kept = new Map<string, Uint8Array>();

function bytes(value: string): Uint8Array {
  const known = kept.get(value);
  if (known) return known;
  const encoded = Buffer.from(value, "latin1");
  if (value.length <= KEEP_LENGTH) kept.set(value, encoded);
  return encoded;
}

function text(value: Uint8Array | null): string {
  return value ? Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1") : "";
}

/**
 * A script that sends MIGRATE stands still with its server until the target has answered, and goes on where it was.
 * @throws Failure where the script does not compile, ends in an error, or returns one
 */
export function runScript(
  script: string,
  keys: readonly string[],
  args: readonly string[],
  call: CallRedis,
): Value | Deferred {
  const L = theState();
  const thread = lua.lua_newthread(L);
  lua.lua_pop(L, 1);
  lua.lua_rawgeti(thread, lua.LUA_REGISTRYINDEX, compile(L, script));
  return new Run(thread, keys, args, call).proceed();
}

/** One script under way. Scripts of other servers may run while it waits. */
class Run {
  /** What the command that it waits for came to. */
  outcome: Value | Failure = null;
  waitsFor: Deferred | undefined;

  constructor(
    private readonly thread: LuaState,
    private readonly keys: readonly string[],
    private readonly args: readonly string[],
    readonly call: CallRedis,
  ) {}

  proceed(): Value | Deferred {
    const L = theState();
    setList(L, "KEYS", this.keys);
    setList(L, "ARGV", this.args);
    this.waitsFor = undefined;
    current = this;
    const status = lua.lua_resume(this.thread, L, 0);
    if (status === lua.LUA_YIELD) return this.waitOn(this.waitsFor);
    if (status !== lua.LUA_OK) throw failureOf(this.thread);
    return lua.lua_gettop(this.thread) === 0 ? null : fromLua(this.thread, -1);
  }

  private waitOn(command: Deferred | undefined): Deferred {
    return new Deferred((done) => {
      command?.start((outcome) => {
        this.outcome = outcome;
        settle(() => this.proceed(), done);
      });
    });
  }
}

function settle(proceed: () => Value | Deferred, done: (outcome: Value | Failure) => void): void {
  try {
    const result = proceed();
    if (result instanceof Deferred) result.start(done);
    else done(result);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    done(error);
  }
}

/** What Redis offers scripts besides commands, and what Lua 5.1 calls otherwise. */
const PRELUDE = `redis.error_reply = function(text) return {err = text} end
redis.status_reply = function(text) return {ok = text} end
redis.replicate_commands = function() return true end
unpack = table.unpack`;

function theState(): LuaState {
  if (state) return state;
  const L = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(L);
  lua.lua_createtable(L, 0, 2);
  for (const [name, isProtected] of [
    ["call", false],
    ["pcall", true],
  ] as const) {
    lua.lua_pushcfunction(L, (inner) => commandFromLua(inner, isProtected));
    lua.lua_setfield(L, -2, bytes(name));
  }
  lua.lua_setglobal(L, bytes("redis"));
  const prelude = bytes(PRELUDE);
  lauxlib.luaL_loadbuffer(L, prelude, prelude.length, bytes("@prelude"));
  lua.lua_pcall(L, 0, 0, 0);
  state = L;
  return L;
}

function compile(L: LuaState, script: string): number {
  const known = compiled.get(script);
  if (known !== undefined) return known;
  const source = bytes(script);
  if (lauxlib.luaL_loadbuffer(L, source, source.length, bytes("@user_script")) !== lua.LUA_OK) {
    throw new Failure(`ERR Error compiling script (new function): ${text(lua.lua_tostring(L, -1))}`);
  }
  const reference = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  compiled.set(script, reference);
  return reference;
}

function setList(L: LuaState, name: string, items: readonly string[]): void {
  toLua(L, [...items]);
  lua.lua_setglobal(L, bytes(name));
}

/** redis.call and redis.pcall: the first raises an error reply, the second returns it as a table. */
function commandFromLua(L: LuaState, isProtected: boolean): number {
  const argv: string[] = [];
  for (let at = 1; at <= lua.lua_gettop(L); at++) argv.push(text(lua.lua_tostring(L, at)));
  const run = current;
  if (!run) throw new Error("a script that nobody runs");
  let outcome: Value | Failure | Deferred;
  try {
    outcome = run.call(argv);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    outcome = error;
  }
  if (!(outcome instanceof Deferred)) return pushOutcome(L, outcome, isProtected);
  run.waitsFor = outcome;
  return lua.lua_yieldk(L, 0, 0, () => pushOutcome(L, run.outcome, isProtected));
}

function pushOutcome(L: LuaState, outcome: Value | Failure, isProtected: boolean): number {
  if (!(outcome instanceof Failure)) {
    toLua(L, outcome);
    return 1;
  }
  lua.lua_createtable(L, 0, 1);
  pushText(L, outcome.message);
  lua.lua_setfield(L, -2, bytes("err"));
  return isProtected ? 1 : lua.lua_error(L);
}

function failureOf(L: LuaState): Failure {
  if (lua.lua_type(L, -1) === lua.LUA_TTABLE) {
    lua.lua_getfield(L, -1, bytes("err"));
    return new Failure(`ERR Error running script: @user_script: ${text(lua.lua_tostring(L, -1))}`);
  }
  return new Failure(`ERR Error running script: @user_script: ${text(lua.lua_tostring(L, -1))}`);
}

function pushText(L: LuaState, value: string): void {
  const encoded = bytes(value);
  lua.lua_pushlstring(L, encoded, encoded.length);
}

function toLua(L: LuaState, value: Value): void {
  if (value === null) lua.lua_pushboolean(L, false);
  else if (typeof value === "number") lua.lua_pushinteger(L, value);
  else if (typeof value === "string") pushText(L, value);
  else if (value instanceof Failure) throw value;
  else if (value instanceof Status) {
    lua.lua_createtable(L, 0, 1);
    pushText(L, value.text);
    lua.lua_setfield(L, -2, bytes("ok"));
  } else {
    lua.lua_createtable(L, value.length, 0);
    for (const [index, item] of value.entries()) {
      toLua(L, item);
      lua.lua_rawseti(L, -2, index + 1);
    }
  }
}

/** Numbers lose their fraction, `true` is 1, `false` and nil are null, a table ends at its first nil: as Redis does it. */
function fromLua(L: LuaState, index: number): Value {
  switch (lua.lua_type(L, index)) {
    case lua.LUA_TSTRING:
      return text(lua.lua_tostring(L, index));
    case lua.LUA_TNUMBER:
      return Math.trunc(lua.lua_tonumber(L, index));
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(L, index) ? 1 : null;
    case lua.LUA_TTABLE:
      return fromTable(L);
    default:
      return null;
  }
}

/** The table on top of the stack. */
function fromTable(L: LuaState): Value {
  const named = (name: string): string | undefined => {
    const type = lua.lua_getfield(L, -1, bytes(name));
    const found = type === lua.LUA_TSTRING ? text(lua.lua_tostring(L, -1)) : undefined;
    lua.lua_pop(L, 1);
    return found;
  };
  const error = named("err");
  if (error !== undefined) throw new Failure(error);
  const status = named("ok");
  if (status !== undefined) return new Status(status);
  const items: Value[] = [];
  for (let position = 1; ; position++) {
    const type = lua.lua_rawgeti(L, -1, position);
    if (type === 0) break;
    items.push(fromLua(L, -1));
    lua.lua_pop(L, 1);
  }
  lua.lua_pop(L, 1);
  return items;
}
