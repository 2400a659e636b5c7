/**
 * The house rules (CONTRIBUTING.md) as checks on source text. A tree is a map from path to text, so that the
 * rules can be tried on made-up sources too. Each violation is one line that starts with the path.
 */
import ts from 'typescript';
import { importsOf, resolveImport } from './imports.ts';

export type Tree = ReadonlyMap<string, string>;

const fileLinesMax = 400;
const actorLinesMax = 150;
const functionLinesMax = 60;
/** Made from parts, or this line would break its own rule. */
const notePattern = new RegExp(
  `\\b(${['TO', 'FIX'].map((word, at) => word + ['DO', 'ME'][at]).join('|')})\\b`,
);

/** Packages with one door: the only folder that may import them. */
const doors: Readonly<Record<string, string>> = {
  'gpu.js': 'src/kernels/',
  msgpackr: 'src/protocol/',
  nats: 'src/nats/',
  piscina: 'src/runtime/',
};

const mathematics = ['base', 'config', 'protocol', 'features', 'model', 'kernels', 'checkpoint'];
const wire = ['base', 'config', 'protocol', 'nats'];

/**
 * What each folder of the product may import beside itself. The mathematics never reaches NATS or a thread, and
 * the wire never reaches the mathematics: they meet in actors.
 */
const reach: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ['base'],
  protocol: ['base', 'config'],
  features: ['base', 'config', 'protocol'],
  formats: ['base', 'config', 'protocol'],
  model: ['base', 'config', 'protocol', 'features'],
  /** What runs in a browser: no kernels, nothing of Node (test/edge/closure.test.ts). */
  edge: ['base', 'config', 'protocol', 'features', 'model'],
  kernels: ['base', 'config', 'features', 'model'],
  checkpoint: ['base', 'config', 'protocol'],
  shard: mathematics,
  learner: [...mathematics, 'shard'],
  replica: [...mathematics, 'shard'],
  join: mathematics,
  /** One consistent version out of many shards: where parameters and bytes meet. */
  cut: [...mathematics, 'checkpoint', 'shard'],
  backtest: [...mathematics, 'formats', 'learner', 'shard', 'replica', 'join'],
  /** A version recomputed from the log: learner, shards and bytes in one loop. */
  replay: [...mathematics, 'learner', 'shard'],
  /** Who may publish and subscribe to what, as text for a nats-server. */
  auth: ['base', 'config', 'protocol'],
  nats: [...wire, 'auth'],
  runtime: wire,
  client: [...wire, 'features'],
  monitor: [...wire, 'model'],
  dashboard: [...wire, 'client', 'monitor'],
  actors: [...mathematics, ...wire, 'runtime', 'shard', 'learner', 'replica', 'join', 'cut', 'monitor'],
  // It names the actors' files and the settings that each of them takes.
  topology: [...mathematics, ...wire, 'runtime', 'shard', 'learner', 'replica', 'join', 'monitor', 'actors'],
};

/**
 * The channel is handed in as an argument, so its users may name its type without knowing NATS: in tests the
 * same code runs on a channel in memory.
 */
const channelContract = 'src/nats/channel.ts';
const channelUsers = ['protocol', 'checkpoint', 'shard', 'learner', 'replica', 'join', 'cut', 'replay'];

/** Files and folders that put the parts together; each may import every part, and those before it. */
const assembly = ['topology', 'server', 'index', 'cli'];

export function violationsOf(tree: Tree): string[] {
  const found: string[] = [];
  for (const [path, text] of tree) {
    found.push(...textViolations(path, text));
    if (!isSource(path)) continue;
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    found.push(...importViolations(path, source), ...shapeViolations(path, source));
  }
  return found;
}

const isSource = (path: string): boolean => /\.(ts|mjs)$/.test(path);
const isProduct = (path: string): boolean => /^(src|actors|config|edge)\//.test(path);

/** The part of the product that a path belongs to: a folder of `src`, `actors`, `config`, `edge`, or a file of `src`. */
function partOf(path: string): string | undefined {
  const [top, second] = path.split('/');
  if (top === 'actors' || top === 'config' || top === 'edge') return top;
  return top === 'src' ? second?.replace(/\.ts$/, '') : undefined;
}

function importViolations(path: string, source: ts.SourceFile): string[] {
  const found: string[] = [];
  for (const { specifier, isTypes } of importsOf(source)) {
    const target = resolveImport(path, specifier);
    if (target === undefined) found.push(...doorViolations(path, specifier));
    else if (isProduct(path)) found.push(...directionViolations(path, target, isTypes));
    else if (path.startsWith('examples/') && target.startsWith('src/') && target !== 'src/index.ts') {
      found.push(`${path}: imports ${target}; expected an example to use src/index.ts, as a user would`);
    }
  }
  return found;
}

function doorViolations(path: string, specifier: string): string[] {
  const name = Object.keys(doors).find((door) => specifier === door || specifier.startsWith(`${door}/`));
  if (name === undefined || path.startsWith('test/') || path.startsWith('bench/')) return [];
  const door = doors[name]!;
  return path.startsWith(door) ? [] : [`${path}: imports ${specifier}; expected only ${door} to import it`];
}

function directionViolations(path: string, target: string, isTypes: boolean): string[] {
  if (!isProduct(target))
    return [`${path}: imports ${target}; expected nothing outside src, actors, config and edge`];
  const from = partOf(path)!;
  const to = partOf(target)!;
  if (from === 'actors' && to === 'actors') {
    return [`${path}: imports ${target}; expected actors to meet only in src/protocol`];
  }
  if (from === to || mayImport(from, to)) return [];
  if (isTypes && target === channelContract && channelUsers.includes(from)) return [];
  if (reach[from] === undefined && !assembly.includes(from)) {
    return [
      `${path}: ${from} has no place among the layers; add it to the table in test/tidy/house-rules.ts`,
    ];
  }
  return [`${path}: imports ${target}; expected imports to run one way (${from} may not import ${to})`];
}

function mayImport(from: string, to: string): boolean {
  const rank = assembly.indexOf(from);
  if (reach[from] !== undefined) return reach[from].includes(to);
  return rank >= 0 && (assembly.indexOf(to) < 0 ? to !== 'actors' : assembly.indexOf(to) < rank);
}

function textViolations(path: string, text: string): string[] {
  const found: string[] = [];
  const lines = text.split('\n');
  const count = lines.length - (lines.at(-1) === '' ? 1 : 0);
  const linesMax = path.startsWith('actors/') ? actorLinesMax : fileLinesMax;
  if (isSource(path) && count > linesMax) found.push(`${path}: ${count} lines; expected at most ${linesMax}`);
  if (isSource(path) && !/\/[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs)$/.test(path)) {
    found.push(`${path}: expected a name in kebab-case`);
  }
  for (const [index, line] of lines.entries()) {
    const at = `${path}:${index + 1}`;
    if (/(?<![\w.)~-])\/(work|tmp|home|Users|root)\//.test(line))
      found.push(`${at}: names a path of one machine`);
    if (/\.\.\/shared\b/.test(line) && !/^(test|bench)\//.test(path)) {
      found.push(`${at}: names ../shared; expected only tests and benchmarks to look there`);
    }
    if (isSource(path) && notePattern.test(line)) found.push(`${at}: expected finished work, got a note`);
    if (/^src\/(?!topology\.ts)/.test(path) && /['"`/]actors\/[\w-]+\.(ts|js)['"`]/.test(line)) {
      found.push(`${at}: names an actor's file; expected only src/topology.ts to`);
    }
  }
  return found;
}

function shapeViolations(path: string, source: ts.SourceFile): string[] {
  if (!isProduct(path)) return [];
  const found: string[] = [];
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Let) !== 0) {
      found.push(
        `${path}:${lineOf(source, statement.getStart())}: a module-level let; expected state to be passed in`,
      );
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = lineOf(source, node.getStart());
      const length = lineOf(source, node.getEnd()) - first + 1;
      if (length > functionLinesMax) {
        found.push(`${path}:${first}: a function of ${length} lines; expected at most ${functionLinesMax}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const lineOf = (source: ts.SourceFile, position: number): number =>
  source.getLineAndCharacterOfPosition(position).line + 1;
