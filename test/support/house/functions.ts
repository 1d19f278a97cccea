/** Functions of a file with their length, and calls that must not be there. */
import * as ts from "typescript";

export interface Measured {
  readonly name: string;
  readonly line: number;
  /** From the first line of the signature to the closing brace; comments above it do not count. */
  readonly lines: number;
}

/** Blocks of tests are as long as the story they tell. */
const TEST_CALLS = new Set(["describe", "describeWithLab", "it", "test", "suite"]);
const HOOK_CALLS = new Set(["beforeAll", "beforeEach", "afterAll", "afterEach"]);

export function functionsOf(source: ts.SourceFile): Measured[] {
  const found: Measured[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined && !isTestBlock(node)) {
      const first = lineOf(source, node.getStart(source));
      const last = lineOf(source, node.end);
      found.push({ name: nameOf(node), line: first, lines: last - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether a function is given to describe, it, test (`.each(...)` and its kind included) or a hook. */
function isTestBlock({ parent }: ts.Node): boolean {
  if (!ts.isCallExpression(parent)) return false;
  const name = rootName(parent.expression);
  return TEST_CALLS.has(name) || HOOK_CALLS.has(name);
}

/** `it` of `it.each(table)`, `test` of `test`. */
function rootName(expression: ts.Expression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return rootName(expression.expression);
  if (ts.isTaggedTemplateExpression(expression)) return rootName(expression.tag);
  return "";
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return "constructor";
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent))
    return parent.name.getText();
  return "(unnamed)";
}

/**
 * Tests that are switched off or that switch the others off: `it.skip(…)`, `test.only(…)`, `xit(…)`, `context.skip()` without a
 * reason. `skipIf` and `runIf` are for what a machine lacks; their tests tell it.
 */
export function silencedTests(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && silences(node))
      found.push(`${lineOf(source, node.getStart(source))}: ${node.expression.getText(source)}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function silences({ expression, arguments: given }: ts.CallExpression): boolean {
  if (ts.isIdentifier(expression)) return /^[xf](it|test|describe)$/.test(expression.text);
  if (!ts.isPropertyAccessExpression(expression)) return false;
  const modifier = expression.name.text;
  if (TEST_CALLS.has(rootName(expression.expression)))
    return ["only", "skip", "todo", "fails"].includes(modifier);
  return modifier === "skip" && given.length === 0;
}

/** Lines where the type `any` is written. */
export function anyTypes(source: ts.SourceFile): number[] {
  const found: number[] = [];
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(lineOf(source, node.getStart(source)));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function lineOf(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}
