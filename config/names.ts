/** What may stand in a subject of NATS. */
import { z } from 'zod';

/** A token of a NATS subject, used for model names and for the root. */
export const namePattern = /^[A-Za-z0-9_-]{1,64}$/;
export const name = z.string().regex(namePattern, 'expected 1 to 64 of A-Z a-z 0-9 _ -');

/** Tokens of a subject, not `$` in front: such subjects are the server's own. */
export const inboxPattern = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,3}$/;
