/** Seeded schedules of products with a mistake each: which seed finds it first, and as what. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type Mutation, mutations } from './mutations.ts';

/** The project; this file is compiled to dist/test/simulation. */
export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));
/** A mistake may make a schedule go on for ever. */
const timeoutMs = 300_000;

interface Found {
  readonly seed: number;
  readonly difference: string;
}

/** Prints a row for each mistake; false when one was not found that can be. */
export function tryMutations(only: string, seeds: number, jobs: number): boolean {
  let isComplete = true;
  for (const mutation of mutations.filter(({ name }) => name.includes(only))) {
    const { name, escapes } = mutation;
    const found = findIn(mutation, seeds, jobs);
    if (found === undefined && escapes === undefined) isComplete = false;
    const result =
      found === undefined ? `| not in ${seeds} | ${escapes ?? ''}` : `| ${found.seed} | ${found.difference}`;
    console.log(`| ${name} ${result} |`);
  }
  return isComplete;
}

/** Sources with the mistake in them, by path. Throws when an edit's text does not stand in its file exactly once. */
export function mutated({ name, edits }: Mutation): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const source = sources.get(file) ?? readFileSync(join(projectFolder, file), 'utf8');
    const parts = source.split(from);
    if (parts.length !== 2) throw new Error(`${name}: ${file} has ${parts.length - 1} times: ${from}`);
    sources.set(file, parts.join(to));
  }
  return sources;
}

export function findIn(mutation: Mutation, seeds: number, jobs: number): Found | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mutation-'));
  try {
    for (const part of ['dist', 'package.json'])
      cpSync(join(projectFolder, part), join(folder, part), { recursive: true });
    symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'));
    const { config } = ts.readConfigFile(join(projectFolder, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, folder);
    for (const [file, source] of mutated(mutation)) {
      // One file alone does not say that it is a module.
      const compilerOptions = { ...options, module: ts.ModuleKind.ESNext };
      const { outputText } = ts.transpileModule(source, { compilerOptions, fileName: file });
      writeFileSync(join(folder, 'dist', file.replace(/\.ts$/, '.js')), outputText);
    }
    return firstFailure(folder, seeds, jobs);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function firstFailure(folder: string, seeds: number, jobs: number): Found | undefined {
  const main = join(folder, 'dist/test/simulation/main.js');
  const words = ['--seeds', String(seeds), '--jobs', String(jobs), '--bail', '--json'];
  const { status, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: 'utf8',
    timeout: timeoutMs,
  });
  const failures = [...stderr.matchAll(/^seed (\d+): (.*)$/gm)].map(([, seed, difference]) => ({
    seed: Number(seed),
    difference: difference!,
  }));
  const [first] = failures.sort((one, other) => one.seed - other.seed);
  if (first === undefined && status !== 0) throw new Error(`no schedule was run: ${stderr.slice(0, 2_000)}`);
  return first;
}
