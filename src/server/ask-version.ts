/**
 * Asks a model's checkpointer for a version until it answers. One that dies takes the request along, and an answer
 * may be lost: so the request is repeated, under one id, and the version is not made twice for it.
 */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import { packInternal, unpackInternal } from '../protocol/codec.ts';
import type { MakeVersionReply, MakeVersionRequest } from '../protocol/internal.ts';
import type { ModelLine } from './tell-actors.ts';

const attemptMs = 2_000;
const retryMs = 50;
/** A checkpointer that is away for longer is not just restarting. */
const absentMs = 10_000;

/** Throws the checkpointer's refusal; MillraceError 'notReady' when there is none, 'deadline' without an answer. */
export async function askVersion(
  { channel, subjects, model }: Pick<ModelLine, 'channel' | 'subjects' | 'model'>,
  reason: MakeVersionRequest['reason'],
  timeoutMs: number,
): Promise<number> {
  const body = packInternal({ id: randomUUID(), reason } satisfies MakeVersionRequest);
  const subject = subjects.checkpointer(model, 'make');
  const untilMs = performance.now() + timeoutMs;
  let absentSinceMs: number | undefined;
  for (;;) {
    try {
      const reply = await channel.request(subject, body, { timeoutMs: attemptMs });
      return versionOf(unpackInternal<MakeVersionReply>(reply.data));
    } catch (error) {
      const nowMs = performance.now();
      const isAbsent = error instanceof MillraceError && error.kind === 'notReady';
      const isUnanswered = error instanceof MillraceError && error.kind === 'deadline';
      absentSinceMs = isAbsent ? (absentSinceMs ?? nowMs) : undefined;
      const isOver = nowMs > untilMs || (absentSinceMs !== undefined && nowMs > absentSinceMs + absentMs);
      if (isOver || error instanceof RefusedVersion || !(isAbsent || isUnanswered)) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

/** The checkpointer tried, and could not. */
class RefusedVersion extends MillraceError {}

function versionOf(reply: MakeVersionReply): number {
  if ('refused' in reply) throw new RefusedVersion(reply.refused.kind, reply.refused.message);
  return reply.version;
}
