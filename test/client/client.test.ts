import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { MillraceError } from '../../src/base/errors.ts';
import { connect } from '../../src/client/connect.ts';
import { ServerUnreachableError } from '../../src/client/unreachable.ts';
import { contentTypeHeader, decode } from '../../src/protocol/codec.ts';
import type { Instance, LearnEvent } from '../../src/protocol/messages.ts';
import { inProcess } from '../cli/command-line.ts';
import { availableServers, startTestServer } from '../support/nats-server.ts';
import { standIn } from './stand-in.ts';

const skip = availableServers().length === 0 ? 'no nats-server on this machine' : false;

t.test('client', { skip }, async (t) => {
  const server = await startTestServer(t);
  const there = await standIn(t, server.url);
  await there.model('clicks');
  const client = await connect({ servers: server.url, timeoutMs: 4_000 });
  t.teardown(() => client.close());
  const { subjects } = there;

  /** Everything in the model's stream, decoded. */
  const stored = async (model: string) => {
    const { lastSeq, firstSeq } = (await there.channel.streamState(subjects.stream(model)))!;
    const found: { subject: string; body: unknown; msgId: string | undefined }[] = [];
    for (let seq = Math.max(1, firstSeq); seq <= lastSeq; seq++) {
      const entry = (await there.channel.entryAt(subjects.stream(model), seq))!;
      const body = decode(entry.data, entry.header(contentTypeHeader));
      found.push({ subject: entry.subject, body, msgId: entry.header('Nats-Msg-Id') });
    }
    return found;
  };
  const provenance = { model: 'clicks', version: 1, seq: 2, ageMs: 0 };

  await t.test('predict - features or an instance, with the wishes beside them', async (t) => {
    const seen: Instance[] = [];
    there.on(subjects.predict('clicks'), (body: Instance) => {
      seen.push(body);
      return { id: body.id, prediction: 1, score: 0.75, ...provenance };
    });
    await there.channel.flush();
    const answer = await client.predict('clicks', { a: 1, b: 'x' }, { minSeq: 7, maxAgeMs: 50 });
    t.match(answer, { prediction: 1, score: 0.75, version: 1, id: /^[0-9a-f-]{36}$/ });
    t.match(seen[0], { features: { a: 1, b: 'x' }, minSeq: 7, maxAgeMs: 50, id: answer.id });
    t.equal((await client.predict('clicks', { id: 'mine', features: { a: 1 } })).id, 'mine');
    t.same(seen[1], { id: 'mine', features: { a: 1 } });
    await client.predict('clicks', { id: 'a feature', n: 1 });
    t.same(seen[2]?.features, { id: 'a feature', n: 1 });
  });

  await t.test('predict - a lost or refused request is sent again under the same id', async (t) => {
    await there.model('flaky');
    const ids: (string | undefined)[] = [];
    there.on(subjects.predict('flaky'), (body: Instance) => {
      ids.push(body.id);
      if (ids.length === 1) return new MillraceError('notReady', 'starting');
      if (ids.length === 2) return undefined;
      return { id: body.id, prediction: 0, score: 0.1, ...provenance };
    });
    await there.channel.flush();
    await client.predict('flaky', { a: 1 }, { timeoutMs: 3_000 });
    t.equal(ids.length, 3);
    t.equal(new Set(ids).size, 1);
  });

  await t.test('predict - what is final is not repeated', async (t) => {
    await there.model('strict');
    let count = 0;
    there.on(subjects.predict('strict'), () => {
      count += 1;
      return new MillraceError('badInput', 'features is no object');
    });
    await there.channel.flush();
    await t.rejects(client.predict('strict', { a: 1 }), {
      kind: 'badInput',
      message: /features is no object/,
    });
    t.equal(count, 1);
    await t.rejects(client.predict('no such', { a: 1 }), { kind: 'badInput', message: /is no model name/ });
  });

  await t.test('predict - an unknown model is named at once, with those that there are', async (t) => {
    const startedAt = performance.now();
    const error = { kind: 'notFound', message: /no model is named click; there are: clicks, / };
    await t.rejects(client.predict('click', { a: 1 }), error);
    await t.rejects(client.learn('click', { features: { a: 1 }, label: 1 }), error);
    await t.rejects(client.learnStream('click', [{ features: { a: 1 }, label: 1 }]), error);
    t.ok(performance.now() - startedAt < 2_000, 'without using up the deadline');
  });

  await t.test('no Millrace behind NATS - says how to start one', async (t) => {
    const other = await connect({ servers: server.url, root: 'elsewhere', timeoutMs: 300 });
    t.teardown(() => other.close());
    const calls = [
      () => other.predict('m', { a: 1 }),
      () => other.learn('m', []),
      () => other.status(),
      () => other.pause('m'),
    ];
    for (const call of calls) {
      const error = await call().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      t.type(error, ServerUnreachableError);
      t.match(error, {
        kind: 'notReady',
        message: /no Millrace server under the root "elsewhere"; start one with/,
      });
    }
    const outcome = await inProcess(['status', '--server', server.url, '--root', 'elsewhere']);
    t.equal(outcome.code, 3);
  });

  await t.test('learn - one message per call, once, under a key', async (t) => {
    await there.model('once');
    const event: LearnEvent = { features: { a: 1 }, label: true };
    const first = await client.learn('once', event, { msgId: 'm1', key: 'user 1.a' });
    const again = await client.learn('once', event, { msgId: 'm1', key: 'user 1.a' });
    t.same([first.duplicate, again.duplicate, again.seq], [false, true, first.seq]);
    await client.label('once', [{ id: 'x', label: 1 }]);
    const json = await connect({ servers: server.url, wire: 'json' });
    await json.learn('once', [event, event]);
    await json.close();
    const entries = await stored('once');
    t.same(
      entries.map(({ subject, body }) => [subject, body]),
      [
        ['millrace.v1.learn.once.user_1_a', event],
        ['millrace.v1.label.once', [{ id: 'x', label: 1 }]],
        ['millrace.v1.learn.once', [event, event]],
      ],
    );
    t.ok(
      entries.every(({ msgId }) => msgId !== undefined),
      'every message has an identity',
    );
    const huge = { features: { text: 'x'.repeat(1024 * 1024) }, label: 1 };
    await t.rejects(client.learn('once', huge), { kind: 'tooLarge', message: /send fewer at once/ });
    t.equal((await stored('once')).length, 3, 'nothing was split');
  });

  await t.test('learnStream - packs under the limit, in order, all acked', async (t) => {
    await there.model('many');
    async function* events(): AsyncGenerator<LearnEvent> {
      // Some are so large that 100 of them do not fit into one message.
      for (let n = 0; n < 1_050; n++) {
        yield { features: { n, text: n < 100 ? 'x'.repeat(30_000) : '' }, label: n % 2 };
      }
    }
    const steps: number[] = [];
    const progress = await client.learnStream('many', events(), {
      eventsPerMessage: 100,
      inFlight: 4,
      onProgress: ({ events }) => steps.push(events),
    });
    const entries = await stored('many');
    const numbers = entries.flatMap(({ body }) => (body as LearnEvent[]).map(({ features }) => features.n));
    t.same(
      numbers,
      Array.from({ length: 1_050 }, (_, n) => n),
    );
    t.equal(progress.events, 1_050);
    t.equal(progress.seq, entries.length);
    t.equal(progress.messages, entries.length);
    t.ok(entries.length > 11, 'the pack that was too large was halved');
    t.equal(steps.at(-1), 1_050);
  });

  await t.test('learnStream - keys keep their own order', async (t) => {
    await there.model('keyed');
    const events = Array.from({ length: 300 }, (_, n) => ({ features: { n, user: `u${n % 3}` }, label: 1 }));
    await client.learnStream('keyed', events, {
      eventsPerMessage: 16,
      key: ({ features }) => String(features.user),
    });
    const entries = await stored('keyed');
    for (const user of ['u0', 'u1', 'u2']) {
      const own = entries.filter(({ subject }) => subject === `millrace.v1.learn.keyed.${user}`);
      const numbers = own.flatMap(({ body }) => (body as LearnEvent[]).map(({ features }) => features.n));
      t.same(
        numbers,
        events.filter(({ features }) => features.user === user).map(({ features }) => features.n),
      );
    }
  });

  await t.test('learnStream - a slow source is not held back', async (t) => {
    await there.model('slow');
    let arrived = false;
    async function* events(): AsyncGenerator<LearnEvent> {
      yield { features: { a: 1 }, label: 1 };
      const deadline = performance.now() + 5_000;
      while (!arrived && performance.now() < deadline) await wait(10);
      yield { features: { a: 2 }, label: 1 };
    }
    const progress = await client.learnStream('slow', events(), {
      onProgress: () => {
        arrived = true;
      },
    });
    t.same([arrived, progress.messages], [true, 2], 'the first event went while the second was awaited');
  });

  await t.test(
    'learnStream - a failure of the source or of an event ends the run with its own words',
    async (t) => {
      await there.model('failing');
      async function* broken(): AsyncGenerator<LearnEvent> {
        yield { features: { a: 1 }, label: 1 };
        throw new Error('the file is gone');
      }
      await t.rejects(client.learnStream('failing', broken()), { message: 'the file is gone' });
      const huge = { features: { text: 'x'.repeat(2 * 1024 * 1024) }, label: 1 };
      await t.rejects(client.learnStream('failing', [huge]), { kind: 'tooLarge', message: /send fewer/ });
    },
  );

  await t.test('admin - each command has its subject and body; errors keep their kind', async (t) => {
    const seen: [string, unknown][] = [];
    there.on('millrace.v1.ctl.*.clicks', (body: unknown, { subject }) => {
      seen.push([subject.slice('millrace.v1.ctl.'.length), body]);
      return subject.includes('rollback') ? new MillraceError('notFound', 'no version 9') : { ok: true };
    });
    there.on(subjects.ctl('restart'), (body: unknown) => {
      seen.push(['restart', body]);
      return { ok: true };
    });
    await there.channel.flush();
    await client.checkpoint('clicks');
    await client.checkpoints('clicks');
    await t.rejects(client.rollback('clicks', 9), { kind: 'notFound', message: /no version 9/ });
    await client.addModel('clicks', { task: 'regression' });
    await client.removeModel('clicks', { purge: true });
    await client.resetModel('clicks');
    await client.cloneModel('clicks', 'copy');
    await client.pause('clicks');
    await client.resume('clicks');
    await client.restartActor('clicks/learner/0');
    t.same(seen, [
      ['checkpoint.clicks', {}],
      ['checkpoints.clicks', {}],
      ['rollback.clicks', { version: 9, mode: 'continue' }],
      ['add.clicks', { config: { task: 'regression' } }],
      ['remove.clicks', { purge: true }],
      ['reset.clicks', {}],
      ['clone.clicks', { to: 'copy' }],
      ['pause.clicks', {}],
      ['resume.clicks', {}],
      ['restart', { actor: 'clicks/learner/0' }],
    ]);
  });

  await t.test('command line - learn, predict and pause over the wire', async (t) => {
    await there.model('table');
    const folder = t.testdir({
      'a.csv': 'id,x,colour,late\n1,0.5,red,yes\n2,oops\n3,1.5,blue,no\n4,2,blue,\n',
      'none.csv': 'x,late\n1\n2\n',
    });
    const learned = await inProcess([
      'learn',
      'table',
      `${folder}/a.csv`,
      '--label',
      'late',
      '--positive',
      'yes',
      '--id',
      'id',
      '--key',
      'colour',
      '--json',
      '--server',
      server.url,
    ]);
    t.equal(learned.code, 0);
    t.match(JSON.parse(learned.stdout), { model: 'table', events: 2, unreadable: 2, messages: 2, seq: 2 });
    t.same(learned.stderr.split('\n').slice(0, 2), [
      'line 3: expected 4 cells as in the header, got 2; passed over',
      'line 5: column "late" is empty; passed over',
    ]);
    t.same(
      (await stored('table')).map(({ subject, body }) => [subject, body]),
      [
        ['millrace.v1.learn.table.red', [{ id: '1', features: { x: 0.5, colour: 'red' }, label: 1 }]],
        ['millrace.v1.learn.table.blue', [{ id: '3', features: { x: 1.5, colour: 'blue' }, label: 0 }]],
      ],
    );
    const common = ['--label', 'late', '--server', server.url];
    const strict = await inProcess([
      'learn',
      'table',
      `${folder}/a.csv`,
      '--strict',
      '--positive',
      'yes',
      ...common,
    ]);
    t.match(strict, { code: 2, stderr: /^error: .*line 3: expected 4 cells/ });
    const none = await inProcess(['learn', 'table', `${folder}/none.csv`, ...common]);
    t.match(none, { code: 2, stdout: /0 events of .*\n2 lines could not be read/ });
    const unknown = await inProcess(['learn', 'tabel', `${folder}/a.csv`, '--positive', 'yes', ...common]);
    t.match(unknown, { code: 1, stderr: /error: no model is named tabel; there are/ });

    const one = await inProcess(['predict', 'clicks', '{"a":1}', '--server', server.url]);
    t.match(one, { code: 0, stdout: /^1 {2}score 0\.7500 {2}\(version 1, seq 2, 0 ms old, id .*\)\n$/ });
    const input = '{"id":"p1","features":{"a":1},"label":0}\nno json\n{"id":"p2","features":{"a":2}}\n';
    const lines = await inProcess(['predict', 'clicks', '--json', '--server', server.url], { input });
    const answers = lines.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.match(answers, [
      { id: 'p1', score: 0.75 },
      { error: { code: 400, message: /^line 2: not valid JSON/ } },
      { id: 'p2' },
    ]);
    t.equal(lines.code, 2);
    const paused = await inProcess(['pause', 'clicks', '--json', '--server', server.url]);
    t.same(JSON.parse(paused.stdout), { model: 'clicks', paused: true });
  });
});

t.test(
  'client - a server that goes away and comes back within the deadline is no error',
  { skip },
  async (t) => {
    const server = await startTestServer(t);
    const there = await standIn(t, server.url);
    await there.model('clicks');
    const client = await connect({ servers: server.url, timeoutMs: 15_000 });
    t.teardown(() => client.close());
    const event: LearnEvent = { features: { a: 1 }, label: 1 };
    await client.learn('clicks', event);
    await server.kill();
    const learning = client.learn('clicks', event);
    await server.restart();
    const receipt = await learning;
    t.equal(receipt.seq, 2, 'learned once');
  },
);
