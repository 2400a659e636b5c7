/**
 * The schema in words: one row for each setting, for the README's table, `millrace config explain` and the
 * "expected" half of every error. It reads the JSON Schema that zod makes, not zod's insides.
 *
 * In a row's path `<name>` stands for a key that the user chooses. Settings that only one variant has (an
 * optimizer's numbers) name that variant.
 */
import { z } from 'zod';
import { inboxPattern, namePattern } from './names.ts';
import type { SettingPath } from './problem.ts';
import { configSchema } from './schema.ts';

export interface SettingRow {
  /** `models.<name>.features.bits` */
  readonly path: string;
  /** The value of `name` with which the setting exists, when it does not always. */
  readonly variant?: string;
  /** Type and bounds in words: `an integer from 8 to 26`. */
  readonly expected: string;
  /** As JSON; undefined when the setting has no default. */
  readonly default?: string;
  readonly doc: string;
}

/** The part of JSON Schema that zod writes for our schema. */
interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | false;
  readonly oneOf?: readonly SchemaNode[];
  /** Secrets, losses and class labels are a choice of types. */
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly description?: string;
}

const schema = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

/** Every setting, in the order of the schema. */
export function settingRows(): SettingRow[] {
  return rowsBelow(schema, []);
}

/** The rows at and below a path such as `models.flights.features` or `nats.embedded.port`. */
export function explain(path: string): SettingRow[] {
  const wanted = path.split('.').filter((token) => token !== '');
  return settingRows().filter((row) => {
    const tokens = row.path.split('.');
    return wanted.every((token, at) => tokens[at] === token || tokens[at] === '<name>');
  });
}

/** What is expected at a path of a configuration; the configuration says which variant holds. */
export function expectedAt(path: SettingPath, config: unknown): string {
  const node = nodeAt(path, config);
  return node === undefined ? 'a setting of the schema' : expectedOf(node);
}

/** The keys that the object at a path may have; empty where keys are chosen by the user. */
export function keysAt(path: SettingPath, config: unknown): string[] {
  const node = nodeAt(path, config);
  if (node === undefined) return [];
  const variants = node.oneOf ?? node.anyOf?.find(({ oneOf }) => oneOf !== undefined)?.oneOf;
  const chosen = variants === undefined ? node : variantOf(variants, valueAt(path, config));
  return Object.keys(chosen?.properties ?? {});
}

function rowsBelow(node: SchemaNode, path: readonly string[], variant?: string): SettingRow[] {
  if (node.oneOf !== undefined) return variantRows(node, node.oneOf, path);
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      rowsBelow(child, [...path, key], variant),
    );
  }
  if (typeof node.additionalProperties === 'object' && node.additionalProperties.type !== 'number') {
    return rowsBelow(node.additionalProperties, [...path, '<name>'], variant);
  }
  return [
    {
      path: path.join('.'),
      ...(variant === undefined ? {} : { variant }),
      expected: expectedOf(node),
      ...(node.default === undefined ? {} : { default: JSON.stringify(node.default) }),
      doc: node.description ?? '',
    },
  ];
}

/** One row for the name, with what each name means, then the settings of each variant. */
function variantRows(
  node: SchemaNode,
  variants: readonly SchemaNode[],
  path: readonly string[],
): SettingRow[] {
  const meanings = variants.map(
    ({ properties }) => `${properties?.name?.const}: ${properties?.name?.description}`,
  );
  const byDefault = (node.default as { name?: string } | undefined)?.name;
  const name: SettingRow = {
    path: [...path, 'name'].join('.'),
    expected: namesOf(variants),
    ...(byDefault === undefined ? {} : { default: JSON.stringify(byDefault) }),
    doc: [node.description, ...meanings].filter((part) => part !== undefined).join('. '),
  };
  const others = variants.flatMap((variant) =>
    rowsBelow(variant, path, variant.properties?.name?.const).filter((row) => row.path !== name.path),
  );
  return [name, ...others];
}

function expectedOf(node: SchemaNode): string {
  if (node.oneOf !== undefined) return `an object whose "name" is ${namesOf(node.oneOf)}`;
  if (node.anyOf !== undefined) return choiceOf(node.anyOf);
  if (node.enum !== undefined) return quotedChoice(node.enum);
  if (node.const !== undefined) return JSON.stringify(node.const);
  switch (node.type) {
    case 'integer':
      return `an integer from ${node.minimum} to ${node.maximum}`;
    case 'number':
      return node.exclusiveMinimum === undefined
        ? `a number from ${node.minimum} to ${node.maximum}`
        : `a number above ${node.exclusiveMinimum} and up to ${node.maximum}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return stringOf(node);
    case 'array':
      return `a list of ${countOf(node)} ${pluralOf(node.items ?? {})}`;
    default:
      return typeof node.additionalProperties === 'object' ? 'an object of numbers' : 'an object';
  }
}

/** Of types: a name, or an object where it has numbers of its own; else it is a secret. */
function choiceOf(choices: readonly SchemaNode[]): string {
  if (isClass(choices)) return 'a string, an integer or a boolean';
  const named = choices.find(({ oneOf }) => oneOf !== undefined);
  if (named === undefined) return 'a string, {"env": NAME} or {"file": PATH}';
  const names = choices.find((choice) => choice.enum !== undefined)?.enum ?? [];
  return `${names.map((word) => JSON.stringify(word)).join(', ')} or ${expectedOf(named)}`;
}

function stringOf({ pattern }: SchemaNode): string {
  if (pattern === namePattern.source) return 'a name of 1 to 64 letters, digits, _ and -';
  return pattern === inboxPattern.source ? '1 to 4 subject tokens such as _INBOX_actors' : 'a string';
}

const countOf = ({ minItems, maxItems }: SchemaNode): string =>
  minItems === undefined ? `at most ${maxItems}` : `${minItems} to ${maxItems}`;

function pluralOf(node: SchemaNode): string {
  if (node.type === 'array') return `lists of ${countOf(node)} ${pluralOf(node.items ?? {})}`;
  return isClass(node.anyOf ?? []) ? 'strings, integers or booleans' : `${node.type}s`;
}

const isClass = (choices: readonly SchemaNode[]): boolean => choices.some(({ type }) => type === 'boolean');

const namesOf = (variants: readonly SchemaNode[]): string =>
  quotedChoice(variants.map((variant) => String(variant.properties?.name?.const)));

function quotedChoice(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function nodeAt(path: SettingPath, config: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const [depth, token] of path.entries()) {
    if (node === undefined) return undefined;
    if (typeof token === 'number') node = node.items;
    else node = memberOf(node, token, valueAt(path.slice(0, depth), config));
  }
  return node;
}

function memberOf(node: SchemaNode, key: string, value: unknown): SchemaNode | undefined {
  // A name alone, or an object with numbers of its own: what has members is the object.
  const object = node.anyOf?.find(({ oneOf }) => oneOf !== undefined);
  if (object !== undefined) return memberOf(object, key, value);
  if (node.oneOf === undefined) {
    const chosen = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
    return node.properties?.[key] ?? chosen;
  }
  // A name that is none of the variants' is answered with all of them.
  if (key === 'name') return { enum: node.oneOf.map((variant) => String(variant.properties?.name?.const)) };
  return variantOf(node.oneOf, value)?.properties?.[key];
}

function variantOf(variants: readonly SchemaNode[], value: unknown): SchemaNode | undefined {
  const name = valueAt(['name'], value);
  return variants.find((variant) => variant.properties?.name?.const === name);
}

/** What a configuration holds at a path; undefined where there is nothing. */
export function valueAt(path: SettingPath, config: unknown): unknown {
  let value = config;
  for (const token of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string | number, unknown>)[token];
  }
  return value;
}
