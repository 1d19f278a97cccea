/**
 * Not the real plugin of @pulumi/aws: a stand-in for tests, which turns the resource types that the kit declares into calls of
 * the AWS SDK, at the address in AWS_ENDPOINT_URL (moto). It follows the real one in what matters here: which changes replace,
 * what a changed type does to a running server, termination protection, rules as resources of their own. A change that it does
 * not follow is an error, never silently done. What it makes up for in moto: the zone of a server on an interface, which moto
 * tells wrong, is that of the interface's subnet.
 */
import { main, type Provider } from "@pulumi/pulumi/provider";
import { logged, typeOf } from "../call-log";
import { type Bag, type Kind, setTags } from "./client";
import { COMPUTE } from "./compute";
import { IDENTITY } from "./identity";
import { lookUp } from "./lookups";
import { NETWORK } from "./network";

const KINDS: Readonly<Record<string, Kind>> = { ...NETWORK, ...COMPUTE, ...IDENTITY };

function kindOf(urn: string): Kind {
  const kind = KINDS[typeOf(urn)];
  if (kind === undefined) throw new Error(`the stand-in does not know ${typeOf(urn)}`);
  return kind;
}

/** Names of inputs that differ; `asked` holds those of the last run. */
function changedKeys(olds: Bag, news: Bag): string[] {
  const before = (olds.asked ?? {}) as Bag;
  const keys = new Set([...Object.keys(before), ...Object.keys(news)]);
  return [...keys].filter(
    (key) => !key.startsWith("__") && JSON.stringify(before[key]) !== JSON.stringify(news[key]),
  );
}

function differs(path: string, before: Bag, after: Bag): boolean {
  const at = (from: Bag) => path.split(".").reduce<unknown>((value, key) => (value as Bag)?.[key], from);
  return JSON.stringify(at(before)) !== JSON.stringify(at(after));
}

class Aws implements Provider {
  readonly version = "7.48.0";

  async check(_urn: string, _olds: Bag, news: Bag) {
    return { inputs: news };
  }

  async diff(_id: string, urn: string, olds: Bag, news: Bag) {
    const replaces = kindOf(urn).forceNew.filter((path) => differs(path, (olds.asked ?? {}) as Bag, news));
    return { changes: changedKeys(olds, news).length > 0, replaces };
  }

  async create(urn: string, inputs: Bag) {
    const name = urn.split("::").at(-1) ?? "";
    const { id, ...computed } = await logged("create", urn, () => kindOf(urn).create(inputs, name));
    return { id, outs: { ...inputs, ...computed, id, asked: inputs } };
  }

  async update(id: string, urn: string, olds: Bag, news: Bag) {
    const { tags, ...own } = kindOf(urn).inPlace ?? {};
    for (const key of changedKeys(olds, news)) {
      const change = key === "tags" ? (tags ?? setTags) : own[key];
      if (change === undefined)
        throw new Error(`the stand-in does not follow a change of ${key} of ${typeOf(urn)}`);
      await logged("update", urn, () => change(id, news, (olds.asked ?? {}) as Bag));
    }
    return { outs: { ...olds, ...news, asked: news } };
  }

  async read(id: string, urn: string, props: Bag) {
    const kind = kindOf(urn);
    if ((await kind.isThere?.(id, props)) === false) return {};
    if (kind.asTold === undefined) return { id, props };
    const told = await kind.asTold(id);
    const asked = Object.fromEntries(
      Object.entries((props.asked ?? {}) as Bag).map(([key, value]) => [key, told[key] ?? value]),
    );
    return { id, props: { ...props, ...asked, asked }, inputs: asked };
  }

  async delete(id: string, urn: string, props: Bag) {
    await logged("delete", urn, () => kindOf(urn).delete(id, props));
  }

  async invoke(token: string, inputs: Bag) {
    return { outputs: await lookUp(token, inputs) };
  }
}

main(new Aws(), process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
