/** `millrace/edge` in a headless Chromium: the same file, the same raw scores as in the server, bit for bit. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import type { Features } from '../../src/protocol/messages.ts';
import { type Event, exportedFile, learned } from './exported.ts';

t.setTimeout(120_000);
const dist = fileURLToPath(new URL('../..', import.meta.url));
const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((path) => existsSync(path));

const page =
  '<!doctype html><script type="module">globalThis.edge = await import("/edge/index.js");</script>';

/** The built files, and the exported models under /models/NAME. */
async function served(t: Test, models: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const model = models[path.replace('/models/', '')];
    const file = join(dist, path);
    if (path === '/') response.setHeader('Content-Type', 'text/html').end(page);
    else if (model !== undefined) response.end(model);
    else if (path.endsWith('.js') && existsSync(file))
      response.setHeader('Content-Type', 'text/javascript').end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** In the page. */
async function predictInPage({ model, asked }: { model: string; asked: readonly Features[] }) {
  const { edge } = globalThis as unknown as { edge: typeof import('../../edge/index.ts') };
  const loaded = edge.loadModel(await (await fetch(`/models/${model}`)).arrayBuffer());
  return asked.map((features) => ({ ...loaded.predict(features), bound: loaded.errorBound(features) }));
}

/** No standard says what the last bit of Math.exp is: the versions of V8 in Node 20 and in Chromium differ in it. */
const expError = 2 ** -52;

const events: readonly Event[] = Array.from({ length: 300 }, (_, i) => [
  {
    city: ['Zürich', 'Köln', 'São Paulo'][i % 3]!,
    hour: i % 24,
    tags: ['a', `t${i % 7}`],
    user: { age: i % 50 },
    v: [0.1 * i, -i],
  },
  i % 3 === 1 ? 1 : 0,
]);
const asked = [...events.slice(0, 60).map(([features]) => features), {}, { city: 'unseen', hour: 3 }];

t.test('in a browser', { skip: executablePath === undefined && 'no chromium on PATH' }, async (t) => {
  const interactions = [['city', 'user']];
  const models = {
    nag: learned({ features: { interactions } }, events),
    ftrl: learned({ optimizer: { name: 'ftrl' }, features: { standardize: true } }, events),
    price: learned({ task: 'regression', features: { bits: 10 } }, events),
    machine: learned({ family: { name: 'fm' }, optimizer: { name: 'adagrad' } }, events),
    network: learned({ family: { name: 'network', hidden: [8, 4] }, optimizer: { name: 'adagrad' } }, events),
    classes: learned({ task: 'multiclass', optimizer: { name: 'ftrl' } }, events),
  };
  const files: Record<string, Uint8Array> = {};
  for (const [name, model] of Object.entries(models)) {
    files[name] = await exportedFile(model);
    files[`${name}-q2.13`] = await exportedFile(model, 'q2.13');
  }
  const url = await served(t, files);
  // As root, in a container, Chromium has no sandbox to go to.
  const browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => 'edge' in globalThis);
  for (const [name, model] of Object.entries(models)) {
    const exact = await tab.evaluate(predictInPage, { model: name, asked });
    const rounded = await tab.evaluate(predictInPage, { model: `${name}-q2.13`, asked });
    const wrong = asked.filter((features, i) => !Object.is(exact[i]!.rawScore, model.rawScore(features)));
    t.strictSame(wrong, [], `${name}: every raw score is the server's`);
    const off = asked.filter(
      (features, i) => !(Math.abs(exact[i]!.score - model.predict(features).score) <= expError),
    );
    t.strictSame(off, [], `${name}: and every score, but for how another engine computes exp`);
    const far = asked.filter(
      (_, i) => !(Math.abs(rounded[i]!.rawScore - exact[i]!.rawScore) <= rounded[i]!.bound),
    );
    t.strictSame(far, [], `${name}: quantised within its bound`);
  }
  const refusal = tab.evaluate(predictInPage, {
    model: 'nag',
    asked: [{ a: [1, 'x'] } as unknown as Features],
  });
  await t.rejects(refusal, { message: /features.a: expected an array of one kind/ });
});
