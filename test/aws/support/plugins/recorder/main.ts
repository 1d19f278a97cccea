/**
 * Not the real plugins of @pulumi/command and of this kit: a stand-in that runs nothing and keeps a log, for tests that ask
 * in which order servers and cluster are changed. What counts as a change is as in the real ones: of a Handover a turn, of a
 * Rejoin a run in which servers are replaced, of everything else another input.
 */
import { main, type Provider } from "@pulumi/pulumi/provider";
import { logged, typeOf } from "../call-log";

type Bag = Record<string, unknown>;

const [name = "", ...rest] = process.argv.slice(2);

/** Takes time, as the real one does: what runs side by side shows in the log. */
const WORK_MS = 20;

function changes(type: string, olds: Bag, news: Bag): boolean {
  if (type.endsWith(":Handover")) return news.turn !== "";
  if (type.endsWith(":Rejoin")) return news.rolling === true;
  return JSON.stringify(olds.asked) !== JSON.stringify(news);
}

/** A Topology's answers are what stacks export. */
function outs(inputs: Bag): Bag {
  return { ...inputs, asked: inputs, stdout: "", stderr: "", endpoints: [], drift: [] };
}

const work = () => new Promise((resolve) => setTimeout(resolve, WORK_MS));

class Recorder implements Provider {
  readonly version = name === "command" ? "1.2.1" : "0.1.0";

  async check(_urn: string, _olds: Bag, news: Bag) {
    return { inputs: news };
  }

  async diff(_id: string, urn: string, olds: Bag, news: Bag) {
    return { changes: changes(typeOf(urn), olds, news) };
  }

  async create(urn: string, inputs: Bag) {
    await logged("create", urn, work);
    return { id: urn.split("::").at(-1) ?? "", outs: outs(inputs) };
  }

  async update(_id: string, urn: string, _olds: Bag, news: Bag) {
    await logged("update", urn, work);
    return { outs: outs(news) };
  }

  async delete(_id: string, urn: string, props: Bag) {
    await logged("delete", urn, work);
    if (props.protected === true) throw new Error("the cluster is protected");
  }
}

main(new Recorder(), rest).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
