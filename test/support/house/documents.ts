/** Links of Markdown files, and whether what they point at is there. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ROOT, readProjectFile } from "./sources";

/** Links that lead nowhere: "docs/a.md: b.md#c". Addresses of the web are not looked at. */
export function deadLinks(file: string): string[] {
  const targets = linksOf(readProjectFile(file)).filter((link) => !/^[a-z]+:/i.test(link));
  return targets.filter((link) => !leadsSomewhere(file, link)).map((link) => `${file}: ${link}`);
}

function leadsSomewhere(file: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(ROOT, file) : resolve(ROOT, dirname(file), decodeURIComponent(path));
  if (!existsSync(target)) return false;
  if (anchor === undefined || !target.endsWith(".md")) return true;
  return anchorsOf(readProjectFile(target.slice(ROOT.length + 1))).has(anchor);
}

export function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown).replaceAll(/`[^`\n]*`/g, "");
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const references = [...text.matchAll(/^ {0,3}\[[^\]]+\]:\s+(\S+)/gm)];
  const html = [...text.matchAll(/<(?:a|img)\b[^>]*\b(?:href|src)="([^"]+)"/g)];
  return [...inline, ...references, ...html].flatMap(([, target]) => target ?? []);
}

/** As GitHub makes them of headings: lower case, without punctuation, dashes for spaces, numbered when repeated. */
export function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...withoutCode(markdown).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)];
  const anchors = headings.map(([, heading = ""]) => {
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    return count === 0 ? base : `${base}-${count}`;
  });
  return new Set(anchors);
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1/gm, "");
}
