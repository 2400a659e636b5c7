/**
 * Answers what clients ask of a predictor: takes requests in turn, has them read, lets the gate decide when, replies. All
 * endpoints share one queue. Never throws.
 */
import { MillraceError } from '../base/errors.ts';
import type { Headers, Message } from '../nats/channel.ts';
import { contentTypeHeader, decode, formatOf } from '../protocol/codec.ts';
import type { Freshness, Provenance } from '../protocol/messages.ts';
import { errorHeaders, replyError, respondError, respondValue } from '../protocol/replies.ts';
import type { Gate } from './gate.ts';
import { RequestQueue, type RequestQueueSettings, type Shed } from './request-queue.ts';

const nothing = new Uint8Array(0);

export interface ServingState {
  readonly table: Float32Array;
  readonly provenance: Provenance;
}

/** A request that was read and found good: when it may be answered, and with what. */
export interface Asked {
  readonly freshness: Freshness;
  /** Throws MillraceError when it cannot be answered. */
  answer(state: ServingState): object;
}

/** Reads a body; throws MillraceError that names what is wrong with it. */
export type Endpoint = (body: unknown) => Asked;

type Done = (refusal?: MillraceError) => void;

/** Made once: to make an error and its headers costs as much as half a prediction, and comes in thousands. */
interface Refusal {
  readonly error: MillraceError;
  readonly headers: Headers;
}

interface Call {
  readonly message: Message;
  readonly endpoint: Endpoint;
  readonly done: Done;
}

export class AnswerService {
  readonly #queue: RequestQueue<Call>;
  readonly #refusals: Readonly<Record<Shed, Refusal>>;
  readonly #gate: Gate;
  /** What is served at this moment; read once per request, so that one answer is of one state. */
  readonly #state: () => ServingState;

  constructor(
    limits: RequestQueueSettings,
    gate: Gate,
    state: () => ServingState,
    readingLagMs: () => number,
  ) {
    this.#refusals = refusalsOf(limits);
    this.#queue = new RequestQueue(
      limits,
      (call) => this.#serve(call),
      (call, why) => this.#shed(call, this.#refusals[why]),
      () => performance.now(),
      readingLagMs,
    );
    this.#gate = gate;
    this.#state = state;
  }

  /** Calls done once the answer, or the refusal, is on its way. */
  handle(message: Message, endpoint: Endpoint, done: Done): void {
    this.#queue.offer({ message, endpoint, done }, message.data.byteLength);
  }

  /** Gives every request that waits for its turn to the gate. */
  close(): void {
    this.#queue.close();
  }

  #shed({ message, done }: Call, { error, headers }: Refusal): void {
    message.respond(nothing, headers);
    done(error);
  }

  #serve(call: Call): void {
    const { message, endpoint, done } = call;
    try {
      const contentType = message.header(contentTypeHeader);
      const asked = endpoint(decode(message.data, contentType));
      const format = formatOf(contentType);
      this.#gate.admit(asked.freshness, (refusal) => {
        if (refusal !== undefined) return refuse(call, refusal);
        try {
          respondValue(message, asked.answer(this.#state()), format);
          done();
        } catch (error) {
          refuse(call, error);
        }
      });
    } catch (error) {
      refuse(call, error);
    }
  }
}

function refuse({ message, done }: Call, error: unknown): void {
  respondError(message, error);
  done(replyError(error));
}

function refusalsOf(limits: RequestQueueSettings): Record<Shed, Refusal> {
  const overloaded = (what: string): Refusal => {
    const words = `${what}: ask again later, or give the model more predictors (actors.predictors)`;
    const error = new MillraceError('overloaded', words);
    return { error, headers: Object.freeze(errorHeaders(error)) };
  };
  return {
    full: overloaded(
      `${limits.predictQueueMax} requests, or ${limits.predictQueueBytesMax} bytes of them, wait at this predictor already (limits.predictQueueMax, limits.predictQueueBytesMax)`,
    ),
    late: overloaded(`the request waited for more than ${limits.predictQueueMs} ms (limits.predictQueueMs)`),
  };
}
