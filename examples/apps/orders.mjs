// What both Node programs do, whatever the client: orders are written for some seconds, then counted.

const SECONDS = Number(process.env.SECONDS ?? "5");
/** Longer than a failover: five seconds of node timeout, an election, twenty more seconds where that one fails, and another. */
const RETRY_MS = 60_000;
const PAUSE_MS = 100;
const TOGETHER = 20;

export const nodes = (process.env.REDIS_NODES ?? "127.0.0.1:7000").split(",").map((node) => {
  const [host, port] = node.split(":");
  return { host, port: Number(port) };
});
export const password = process.env.REDISCLI_AUTH;

/** Both keys of an order are in one slot: only what is in braces decides. */
export const keysOf = (order) => ({ items: `order:{${order}}:items`, total: `order:{${order}}:total` });
export const itemsOf = (order) => [`tea:${order}`, `cake:${order}`];

/** A command that has no answer by then has gone to a node that is no more. */
const ANSWER_MS = 5000;

let retries = 0;
let renewal;

/** One renewal at a time, whoever asks for it. */
function renew(shop) {
  renewal ??= inTime(Promise.resolve(shop.renew?.()))
    .catch(() => undefined)
    .finally(() => {
      renewal = undefined;
    });
  return renewal;
}

async function inTime(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats what may be repeated until it works, for the time that a failover may take. */
async function retried(shop, work) {
  const end = Date.now() + RETRY_MS;
  for (;;) {
    try {
      return await inTime(work());
    } catch (error) {
      if (Date.now() > end) throw error;
      retries += 1;
      await renew(shop);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * `shop.write(order)` writes both keys in one transaction, `shop.read(order)` returns [items, total] by one command in one slot,
 * `shop.readMany(keys)` the values of keys in any slots; `shop.renew()`, where there is one, follows a failure. Sets the exit code 1 where something is missing.
 */
export async function run(shop) {
  const end = Date.now() + SECONDS * 1000;
  let orders = 0;
  while (Date.now() < end) {
    const batch = Array.from({ length: TOGETHER }, (_, index) => orders + index);
    await Promise.all(batch.map((order) => retried(shop, () => shop.write(order))));
    orders += TOGETHER;
  }
  const all = Array.from({ length: orders }, (_, order) => order);
  const totals = await retried(shop, () => shop.readMany(all.map((order) => keysOf(order).total)));
  const wrong = all.filter((order) => totals[order] !== String(order * 2));
  for (const order of all.filter((number) => number % 10 === 0)) {
    const [items, total] = await retried(shop, () => shop.read(order));
    if (items !== itemsOf(order).length || total !== String(order * 2)) wrong.push(order);
  }
  console.log(JSON.stringify({ orders, wrong: wrong.length, retries }));
  if (wrong.length > 0 || orders === 0) process.exitCode = 1;
}
