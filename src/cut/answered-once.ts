/** A request for a version that is repeated, under one id, is one request and has one answer. */
import { MillraceError } from '../base/errors.ts';
import type { VersionReason } from '../checkpoint/store.ts';
import type { MakeVersionReply, MakeVersionRequest } from '../protocol/internal.ts';
import { replyError } from '../protocol/replies.ts';
import type { VersionMade } from './version-maker.ts';

/** Requests that may still be repeated. */
const answersKept = 16;

/** `fail` hears of what should not be able to happen. */
export function answeredOnce(
  make: (reason: VersionReason) => Promise<VersionMade>,
  fail: (error: unknown) => void,
): (request: MakeVersionRequest) => Promise<MakeVersionReply> {
  const answers = new Map<string, Promise<MakeVersionReply>>();
  const refused = (error: unknown): MakeVersionReply => {
    if (!(error instanceof MillraceError)) fail(error);
    const { kind, message } = replyError(error);
    return { refused: { kind, message } };
  };
  return ({ id, reason }) => {
    const answer = answers.get(id) ?? make(reason).then(({ version }) => ({ version }), refused);
    answers.set(id, answer);
    if (answers.size > answersKept) answers.delete(answers.keys().next().value!);
    return answer;
  };
}
