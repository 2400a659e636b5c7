/**
 * Runs the compiled tests, two files at a time, each a plain Node process that writes TAP, and ends with one
 * line `N passed, N failed` (`, N skipped` when there are skips) that counts assertions.
 *
 *     node scripts/test.mjs                            every test/**\/*.test.ts
 *     node scripts/test.mjs test/config test/a.test.ts those folders and files
 *     node scripts/test.mjs --bail --timeout=30        stop at the first failed file; seconds for each file
 *
 * The list comes from the sources, so compiled tests of deleted files are not run. A file given as `.js` is run
 * as it is.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countTap } from './tap-counts.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const jobs = 2;
const graceMs = 5_000;
const outputShownMax = 40_000;

const options = process.argv.slice(2).filter((word) => word.startsWith('--'));
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const timeoutMs = Number(options.find((word) => word.startsWith('--timeout='))?.slice(10) ?? 300) * 1000;
const bail = options.includes('--bail');
const running = new Set();

const unknown = options.filter((word) => word !== '--bail' && !/^--timeout=\d+$/.test(word));
if (unknown.length > 0) fail(`unknown option ${unknown[0]}; expected --bail or --timeout=SECONDS`);

const files = (wanted.length > 0 ? wanted : ['test']).flatMap(testsOf);
if (files.length === 0) fail('no test files found');
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of running) endGroup(child, 'SIGTERM');
    process.exit(1);
  });
}
process.exitCode = await runAll();

function fail(message) {
  console.error(message);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

/** Source files of a file or folder, in order of their paths. */
function testsOf(path) {
  if (!existsSync(path)) return fail(`no such test: ${path}`);
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(path, name))
    .sort();
}

function compiledOf(file) {
  if (file.endsWith('.js')) return resolve(file);
  return join(root, 'dist', relative(root, resolve(file)).replace(/\.ts$/, '.js'));
}

async function runAll() {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const queue = [...files];
  const failedFiles = [];
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file);
      report(file, result);
      sum.passed += result.passed;
      sum.failed += result.failed;
      sum.skipped += result.skipped.length;
      if (result.failed > 0) failedFiles.push(file);
      if (result.failed > 0 && bail) queue.length = 0;
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  if (failedFiles.length > 0) console.log(`\nfailed:\n${failedFiles.map((file) => `  ${file}`).join('\n')}`);
  const skips = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
  console.log(`\n${sum.passed} passed, ${sum.failed} failed${skips}`);
  return sum.failed > 0 ? 1 : 0;
}

async function runFile(file) {
  const script = compiledOf(file);
  if (!existsSync(script)) {
    return {
      passed: 0,
      failed: 1,
      skipped: [],
      seconds: 0,
      output: `not compiled: expected ${script}; run: npm run build`,
    };
  }
  const startedAt = performance.now();
  const { stdout, stderr, end } = await outcomeOf(script);
  const counts = countTap(stdout);
  const wrongs = [];
  if (end !== undefined) wrongs.push(end);
  if (end === undefined && !counts.complete) wrongs.push('ended without having run all of its tests');
  // What no assertion failed for (a crash, a time-out, a missing plan) is a failure all the same.
  if (wrongs.length > 0 && counts.failed === 0) counts.failed = 1;
  const output = [stdout, stderr, ...wrongs].filter((part) => part !== '').join('\n');
  return { ...counts, output, stderr, seconds: (performance.now() - startedAt) / 1000 };
}

/** `end` says why the process did not end well; undefined when it did. */
function outcomeOf(script) {
  return new Promise((done) => {
    // A group of its own: what a test started and forgot ends with it after a time-out.
    const child = spawn(process.execPath, ['--enable-source-maps', script], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    const chunks = { stdout: [], stderr: [] };
    child.stdout.on('data', (chunk) => chunks.stdout.push(chunk));
    child.stderr.on('data', (chunk) => chunks.stderr.push(chunk));
    let isLate = false;
    const timers = [
      setTimeout(() => {
        isLate = true;
        endGroup(child, 'SIGTERM');
      }, timeoutMs),
      setTimeout(() => endGroup(child, 'SIGKILL'), timeoutMs + graceMs),
    ];
    const finish = (end) => {
      for (const timer of timers) clearTimeout(timer);
      running.delete(child);
      const [stdout, stderr] = [chunks.stdout, chunks.stderr].map((parts) => Buffer.concat(parts).toString());
      done({ stdout, stderr, end: isLate ? `not finished within ${timeoutMs / 1000} s` : end });
    };
    child.on('error', (error) => finish(`cannot be started: ${error.message}`));
    child.on('close', (code, signal) => {
      finish(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

function endGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function report(file, { passed, failed, skipped, seconds, output }) {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  console.log(`${failed > 0 ? 'FAILED' : 'ok    '} ${file} - ${parts.join(', ')} (${seconds.toFixed(1)} s)`);
  for (const skip of skipped) console.log(`         skipped ${skip}`);
  if (failed > 0) console.log(indented(withoutPassed(output)));
}

/** The failures are what is wanted: lines that only say "ok" go. */
function withoutPassed(output) {
  const kept = output.split('\n').filter((line) => !/^ *(ok\b|TAP version|1\.\.\d|$)/.test(line));
  const text = kept.join('\n');
  return text.length <= outputShownMax ? text : `...\n${text.slice(-outputShownMax)}`;
}

function indented(text) {
  return text.replace(/^/gm, '    ');
}
