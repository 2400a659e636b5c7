/** The operator's requests (`ctl.<verb>[.<model>]`): each checked, carried out by the server, answered in JSON. */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Message, ServiceEndpoint } from '../nats/channel.ts';
import { contentTypeHeader, decode, formatOf } from '../protocol/codec.ts';
import { exclusionSchema } from '../protocol/epoch-entry.ts';
import { rejectedEntriesMax } from '../protocol/messages.ts';
import { replyError, respondError, respondValue } from '../protocol/replies.ts';
import { type Verb, verbs } from '../protocol/subjects.ts';
import type { Operations } from './operations.ts';

const unlearnSchema = z.object({
  skip: z
    .array(z.object({ kind: z.enum(['id', 'key', 'feature']), value: z.string().min(1).max(256) }))
    .min(1)
    .max(1024),
  from: z.int().min(0).default(0),
  to: z.int().min(1).exactOptional(),
  serve: z.boolean().default(false),
});

const entries = z.array(z.int().min(1)).min(1).max(rejectedEntriesMax);
const rejectedSchema = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('list'),
    before: z.int().min(1).exactOptional(),
    limit: z.int().min(1).max(1000).default(20),
    reason: z.string().max(256).exactOptional(),
  }),
  z.object({ op: z.literal('show'), entry: z.int().min(1) }),
  z.object({ op: z.enum(['retry', 'drop']), entries }),
]);

const exportSchema = z
  .object({
    version: z.int().min(1).optional(),
    predictOnly: z.boolean().default(false),
    quantize: z.enum(['q2.13', 'f16']).optional(),
  })
  .refine(({ predictOnly, quantize }) => predictOnly || quantize === undefined, {
    path: ['quantize'],
    message: 'goes with predictOnly',
  });

type Act = (operations: Operations, model: string, body: unknown) => Promise<unknown>;

const nothing = z.object({});
const versionNumber = z.int().min(0);

function checked<Body>(schema: z.ZodType<Body>, body: unknown): Body {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${wordsOf(issue)}`);
  throw new MillraceError('badInput', problems.join('; '));
}

const units: Readonly<Record<string, string>> = { array: ' items', string: ' characters' };

/** Bounds in the words of all other refusals; the rest as the schema has it. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_big') return `expected at most ${issue.maximum}${units[issue.origin] ?? ''}`;
  if (issue.code === 'too_small') return `expected at least ${issue.minimum}${units[issue.origin] ?? ''}`;
  return issue.message;
}

const withBody =
  <Body>(
    schema: z.ZodType<Body>,
    act: (operations: Operations, model: string, body: Body) => Promise<unknown>,
  ): Act =>
  (operations, model, body) =>
    act(operations, model, checked(schema, body));

/** What each verb does. Verbs without a model in their subject get an empty name. */
const acts: Readonly<Record<Verb, Act>> = {
  status: withBody(nothing, (operations, model) => operations.status(model || undefined)),
  models: withBody(nothing, (operations) => operations.models()),
  checkpoint: withBody(nothing, (operations, model) => operations.checkpoint(model)),
  checkpoints: withBody(nothing, (operations, model) => operations.checkpoints(model)),
  verify: withBody(z.object({ version: z.int().min(1).optional() }), (operations, model, { version }) =>
    operations.withVersions(model, (versions, host) => versions.verify(host, version)),
  ),
  diff: withBody(
    z.object({ from: z.int().min(1), to: z.int().min(1), top: z.int().min(0).max(1000).default(20) }),
    (operations, model, { from, to, top }) =>
      operations.withVersions(model, (versions, host) => versions.diff(host, from, to, top)),
  ),
  prune: withBody(
    z.object({
      keep: z.int().min(1).optional(),
      keepForMs: z.int().min(0).optional(),
      dryRun: z.boolean().default(false),
    }),
    (operations, model, { keep, keepForMs, dryRun }) => {
      const asked = { ...(keep && { keep }), ...(keepForMs !== undefined && { keepForMs }) };
      return operations.withVersions(model, (versions, host) => versions.prune(host, asked, dryRun));
    },
  ),
  export: withBody(exportSchema, (operations, model, { version, predictOnly, quantize }) =>
    operations.withVersions(model, (versions, host) =>
      predictOnly ? versions.exportPredictOnly(host, version, quantize) : versions.export(host, version),
    ),
  ),
  import: withBody(z.object({ transfer: z.string().optional() }), (operations, model, { transfer }) =>
    operations.withVersions<unknown>(model, (versions, host) =>
      transfer === undefined ? versions.beginImport(host) : versions.endImport(host, transfer),
    ),
  ),
  transfer: withBody(
    z.object({ transfer: z.string(), from: z.int().min(0), bytes: z.instanceof(Uint8Array).optional() }),
    (operations, model, { transfer, from, bytes }) =>
      operations.withVersions(model, (versions, host) => versions.transfer(host, transfer, from, bytes)),
  ),
  rollback: withBody(
    z.object({ version: versionNumber, mode: z.enum(['continue', 'relearn']).default('continue') }),
    (operations, model, { version, mode }) => operations.rollback(model, version, mode),
  ),
  rejected: withBody(rejectedSchema, (operations, model, body) =>
    operations.withRejected<unknown>(model, (rejected) => {
      if (body.op === 'list') return rejected.list(model, body);
      return body.op === 'show' ? rejected.show(model, body.entry) : rejected[body.op](model, body.entries);
    }),
  ),
  weights: withBody(
    z.object({
      top: z.int().min(1).max(1000).default(20),
      events: z.int().min(1).max(10_000).default(1_000),
    }),
    (operations, model, query) => operations.weights(model, query),
  ),
  exclude: withBody(
    z.object({ exclusions: z.array(exclusionSchema).min(1) }),
    (operations, model, { exclusions }) => operations.exclude(model, exclusions),
  ),
  replay: withBody(
    z.object({ from: versionNumber.default(0), to: z.int().min(1).optional() }),
    (operations, model, { from, to }) => operations.replay(model, from, to),
  ),
  unlearn: withBody(unlearnSchema, (operations, model, body) => operations.unlearn(model, body)),
  acknowledge: withBody(nothing, (operations, model) => operations.acknowledge(model)),
  purge: withBody(z.object({ below: z.int().min(1).optional() }), (operations, model, { below }) =>
    operations.purge(model, below),
  ),
  add: withBody(z.object({ config: z.unknown() }), (operations, model, { config }) =>
    operations.add(model, config ?? {}),
  ),
  remove: withBody(z.object({ purge: z.boolean().default(false) }), (operations, model, { purge }) =>
    operations.remove(model, purge),
  ),
  reset: withBody(nothing, (operations, model) => operations.reset(model)),
  clone: withBody(z.object({ to: z.string() }), (operations, model, { to }) => operations.clone(model, to)),
  pause: withBody(nothing, (operations, model) => operations.setPaused(model, true)),
  resume: withBody(nothing, (operations, model) => operations.setPaused(model, false)),
  restart: withBody(z.object({ actor: z.string() }), (operations, _model, { actor }) =>
    operations.restart(actor),
  ),
};

export function controlEndpoint(operations: Operations, subject: string, log: Logger): ServiceEndpoint {
  const first = subject.split('.').length - 1;
  return {
    name: 'control',
    subject,
    queue: 'millrace',
    handle(message, done) {
      answer(message, first, operations).then(
        () => done(),
        (error) => {
          if (!(error instanceof MillraceError)) log.error({ err: error }, 'control request failed');
          respondError(message, error);
          done(replyError(error).message);
        },
      );
    },
  };
}

async function answer(message: Message, first: number, operations: Operations): Promise<void> {
  const [verb = '', model = '', ...rest] = message.subject.split('.').slice(first);
  if (rest.length > 0) throw new MillraceError('badInput', 'expected ctl.<verb> or ctl.<verb>.<model>');
  if (!verbs.some((known) => known === verb)) {
    throw new MillraceError('notFound', `no verb ${verb}; there are: ${verbs.join(', ')}`);
  }
  const contentType = message.header(contentTypeHeader);
  const body = message.data.length === 0 ? {} : decode(message.data, contentType);
  respondValue(message, await acts[verb as Verb](operations, model, body), formatOf(contentType));
}
