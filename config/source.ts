/**
 * A configuration file as text: JSON with comments and trailing commas, with the line and column of every
 * setting. A key given twice and a key that objects inherit (`__proto__`, `constructor`, ...) are refused here,
 * because a plain object would lose them without a word.
 */
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { SetupError } from '../src/base/errors.ts';
import { type Problem, type SettingPath, wrongKey } from './problem.ts';

const sourceLengthMax = 4 * 1024 * 1024;
const depthMax = 64;
const syntaxErrorsShownMax = 3;

export interface ConfigSource {
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** `file:line:column: ` of a problem, both from 1. */
  place(problem: Problem): string;
}

export function parseSource(text: string, file: string): ConfigSource {
  if (text.length > sourceLengthMax) {
    throw new SetupError(`${file}: expected at most ${sourceLengthMax} characters, got ${text.length}`);
  }
  const errors: ParseError[] = [];
  const tree = parsedTree(text, file, errors);
  const lines = lineStarts(text);
  const placeOf = (offset: number) => `${file}:${lineAndColumn(lines, offset)}: `;
  if (errors.length > 0 || tree === undefined) throw syntaxError(errors, placeOf);

  // A path cannot tell a repeated key from the first one, so what is refused here keeps its own offset.
  const refused = new Map<Problem, number>();
  const value = contentOf(tree, [], (problem, offset) => refused.set(problem, offset));
  const place = (problem: Problem) => placeOf(refused.get(problem) ?? offsetOf(tree, problem));
  return { value, problems: [...refused.keys()], place };
}

/** Whether every object has the key without being given it. */
const isInherited = (key: string): boolean => key in Object.prototype || key === 'prototype';

function parsedTree(text: string, file: string, errors: ParseError[]): Node | undefined {
  // A byte order mark is replaced, not removed: columns stay as an editor shows them.
  const plain = text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text;
  try {
    return parseTree(plain, errors, { allowTrailingComma: true });
  } catch (cause) {
    // The parser is recursive, so very deep nesting ends in a full stack.
    throw new SetupError(`${file}: cannot be parsed: expected nesting of at most ${depthMax}`, { cause });
  }
}

function syntaxError(errors: readonly ParseError[], placeOf: (offset: number) => string): SetupError {
  if (errors.length === 0) return new SetupError(`${placeOf(0)}expected a JSON object, got an empty file`);
  const lines = errors.slice(0, syntaxErrorsShownMax).map(({ error, offset }) => {
    const words = printParseErrorCode(error).replace(
      /(?<=[a-z])[A-Z]/g,
      (letter) => ` ${letter.toLowerCase()}`,
    );
    return `${placeOf(offset)}not valid JSON (comments are allowed): ${words.toLowerCase()}`;
  });
  return new SetupError(lines.join('\n'));
}

type Refuse = (problem: Problem, offset: number) => void;

function contentOf(node: Node, path: SettingPath, refuse: Refuse): unknown {
  if (path.length > depthMax) {
    refuse(wrongKey(path.slice(0, 3), `expected nesting of at most ${depthMax}`), node.offset);
    return null;
  }
  if (node.type === 'array') {
    return (node.children ?? []).map((child, index) => contentOf(child, [...path, index], refuse));
  }
  if (node.type !== 'object') return node.value;
  const members: Record<string, unknown> = {};
  for (const property of node.children ?? []) {
    const [key, child] = property.children ?? [];
    if (key === undefined || child === undefined) continue;
    const name = String(key.value);
    const here = [...path, name];
    if (isInherited(name)) refuse(inheritedKey(here), property.offset);
    else if (Object.hasOwn(members, name)) {
      refuse(wrongKey(here, 'expected once, got it twice in one object'), property.offset);
    } else members[name] = contentOf(child, here, refuse);
  }
  return members;
}

/** The same refusal for a value that did not come from a file; inherited keys are left out of the copy. */
export function withoutInheritedKeys(value: unknown, path: SettingPath, problems: Problem[]): unknown {
  if (typeof value !== 'object' || value === null || path.length > depthMax) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) => withoutInheritedKeys(item, [...path, index], problems));
  }
  const members: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const here = [...path, name];
    if (isInherited(name)) problems.push(inheritedKey(here));
    else members[name] = withoutInheritedKeys(member, here, problems);
  }
  return members;
}

const inheritedKey = (path: SettingPath): Problem =>
  wrongKey(path, `"${path.at(-1)}" cannot be a key: every object inherits it; choose another name`);

/** Where to point: the setting, else the nearest object around it that is there. */
function offsetOf(tree: Node, problem: Problem): number {
  for (let length = problem.path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, problem.path.slice(0, length));
    if (node === undefined) continue;
    const isWhole = length === problem.path.length;
    const key = node.parent?.type === 'property' ? node.parent : node;
    return isWhole && problem.part === 'value' ? node.offset : key.offset;
  }
  return tree.offset;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAndColumn(starts: readonly number[], offset: number): string {
  let line = starts.length;
  while (starts[line - 1]! > offset) line--;
  return `${line}:${offset - starts[line - 1]! + 1}`;
}
