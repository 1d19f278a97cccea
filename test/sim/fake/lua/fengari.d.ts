/** The part of fengari, a Lua 5.3 in JavaScript, that the fake uses. It comes without types. */
declare module "fengari" {
  /** A Lua state; only ever passed back to fengari. */
  export interface LuaState {
    readonly luaState: unique symbol;
  }
  export type LuaFunction = (state: LuaState) => number;

  export const lua: {
    readonly LUA_OK: number;
    readonly LUA_YIELD: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    readonly LUA_REGISTRYINDEX: number;
    lua_gettop(state: LuaState): number;
    lua_settop(state: LuaState, index: number): void;
    lua_type(state: LuaState, index: number): number;
    lua_toboolean(state: LuaState, index: number): boolean;
    lua_tonumber(state: LuaState, index: number): number;
    lua_tostring(state: LuaState, index: number): Uint8Array | null;
    lua_pushboolean(state: LuaState, value: boolean): void;
    lua_pushinteger(state: LuaState, value: number): void;
    lua_pushlstring(state: LuaState, bytes: Uint8Array, length: number): void;
    lua_pushcfunction(state: LuaState, run: LuaFunction): void;
    lua_createtable(state: LuaState, items: number, fields: number): void;
    lua_rawgeti(state: LuaState, index: number, position: number): number;
    lua_rawseti(state: LuaState, index: number, position: number): void;
    lua_getfield(state: LuaState, index: number, name: Uint8Array): number;
    lua_setfield(state: LuaState, index: number, name: Uint8Array): void;
    lua_setglobal(state: LuaState, name: Uint8Array): void;
    lua_pcall(state: LuaState, args: number, results: number, handler: number): number;
    lua_newthread(state: LuaState): LuaState;
    lua_resume(state: LuaState, from: LuaState, args: number): number;
    /** Ends the C function; `goOn` runs when the thread is resumed and returns how many results it has pushed. */
    lua_yieldk(state: LuaState, results: number, context: number, goOn: () => number): number;
    lua_error(state: LuaState): never;
    lua_pop(state: LuaState, count: number): void;
  };
  export const lauxlib: {
    luaL_newstate(): LuaState;
    luaL_loadbuffer(state: LuaState, bytes: Uint8Array, length: number, name: Uint8Array): number;
    luaL_ref(state: LuaState, table: number): number;
  };
  export const lualib: {
    luaL_openlibs(state: LuaState): void;
  };
}
