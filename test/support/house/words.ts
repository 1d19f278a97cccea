/** Words that do not belong into the project, and where they may stand after all. */

export interface AllowedWord {
  readonly pattern: RegExp;
  readonly why: string;
}

/** Redis 5's own words for primary and replica, where its protocol, its files or its source say them. */
export const REDIS_WORDS: readonly AllowedWord[] = [
  {
    pattern:
      /(masterauth|masteruser|min-slaves-to-write|min-slaves-max-lag|slaveof|\b(cluster-|repl-)?slave-[a-z-]+)/gi,
    why: "directives of redis.conf",
  },
  { pattern: /\\?`slave-\\?`|`slave-\.\.\.`/g, why: "how directives begin" },
  { pattern: /\b(slave|master) \d/g, why: "classes of client-output-buffer-limit" },
  {
    pattern: /\b(master_[a-z_0-9]+|slave_[a-z_]+|connected_slaves|slave(\d|N\b|\\d|\$\{))/g,
    why: "fields of INFO",
  },
  {
    pattern: /\brole:(master|slave)\b|\b(master|slave)(?=,| -| <|\))/g,
    why: "INFO's role, and flags of CLUSTER NODES",
  },
  {
    pattern: /\bredis_[a-z_]*(master|slave)[a-z_]*/g,
    why: "metrics of redis_exporter",
  },
  { pattern: /["'`](master|slave|slaves|SLAVES)["'`]/g, why: "one word as Redis's protocol has it" },
  { pattern: /\bCLUSTER SLAVES\b|^ *slaves: \{/g, why: "the name of a command" },
  { pattern: /\b[A-Z]+_(MASTERS|SLAVES)\b/g, why: "a constant that holds one of these" },
  { pattern: /\bMASTERDOWN\b/g, why: "an error code of Redis" },
  {
    pattern: /--cluster-use-empty-masters\b|\bin \d+ masters\b/g,
    why: "an option and a report of redis-cli",
  },
  { pattern: /\bcluster[A-Z]\w*(Master|Slave)\w*/g, why: "a function of Redis's source, cited" },
  {
    pattern:
      /(SETSLOT only with|only replicate a|forget my|replica but my|node is not a|called with|To set a) masters?\b|ERR Master is down/gi,
    why: "error texts of Redis, quoted",
  },
];

/** Lines that say the old words elsewhere: "12: text". */
export function oldWords(text: string): string[] {
  return linesWith(text, /master|slave/i, REDIS_WORDS);
}

/** Written down instead of done. */
export function leftovers(text: string): string[] {
  return linesWith(text, /\b(TO[D]O|FIX[M]E|X[X]X|HAC[K])\b|@ts-(ignore|expect-error|nocheck)/, []);
}

function linesWith(text: string, unwanted: RegExp, allowed: readonly AllowedWord[]): string[] {
  return text.split("\n").flatMap((line, index) => {
    if (!unwanted.test(line)) return [];
    const rest = allowed.reduce((left, { pattern }) => left.replaceAll(pattern, ""), line);
    return unwanted.test(rest) ? [`${index + 1}: ${line.trim().slice(0, 120)}`] : [];
  });
}
