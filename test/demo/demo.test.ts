import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DemoResult } from '../../demo/result.ts';

const main = fileURLToPath(new URL('../../demo/main.js', import.meta.url));

t.test('demo - a short run learns every flight once through a kill, and leaves nothing behind', async (t) => {
  const temporary = t.testdir();
  const { code, output, errors } = await run(['--events', '4000', '--rate', '2000', '--json'], temporary);
  t.equal(code, 0, errors);
  const result = JSON.parse(output.trimEnd().split('\n').at(-1)!) as DemoResult;
  t.match(result, {
    events: 4000,
    learned: 4000,
    predictions: { failed: 0 },
    checkpoints: 1,
    restarts: 1,
    shards: 2,
    learners: 1,
    predictors: 1,
    kernels: /cpu|webasm/,
  });
  t.ok(result.predictions.count > 0, `${result.predictions.count} predictions`);
  for (const loss of [result.logLoss, result.frozen.logLoss, result.constant.logLoss]) {
    t.ok(loss !== null && loss > 0 && loss < 2, `log loss ${loss}`);
  }
  t.match(errors, /Version 1 made by request/);
  t.match(errors, /replaced and learns on/);
  t.same(
    (await readdir(temporary)).filter((name) => name.startsWith('millrace-demo')),
    [],
    'no folder is left',
  );
});

t.test('demo - a wrong option is refused with the usage', async (t) => {
  const { code, errors } = await run(['--evnets', '4000'], t.testdir());
  t.equal(code, 1);
  t.match(errors, /--evnets/);
  t.match(errors, /Usage: npm run demo/);
});

async function run(argv: readonly string[], temporary: string) {
  const child = spawn(process.execPath, [main, ...argv], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode, output, errors };
}
