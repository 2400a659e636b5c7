/** Answers predict requests: takes them in turn, checks them, lets the gate decide when, scores, replies. Never throws. */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import type { Headers, Message } from '../nats/channel.ts';
import { contentTypeHeader, decode, formatOf, type WireFormat } from '../protocol/codec.ts';
import type { InstanceError, Provenance, Scored } from '../protocol/messages.ts';
import { errorHeaders, replyError, respondError, respondValue } from '../protocol/replies.ts';
import type { Gate } from './gate.ts';
import { checkedInstance, type PredictRequest, predictRequest } from './predict-request.ts';
import { RequestQueue, type RequestQueueSettings, type Shed } from './request-queue.ts';
import type { Scorer } from './scorer.ts';

const nothing = new Uint8Array(0);

export interface ServingState {
  readonly table: Float32Array;
  readonly provenance: Provenance;
}

export interface PredictLimits extends RequestQueueSettings {
  readonly instancesMax: number;
}

type Done = (refusal?: MillraceError) => void;

/** Made once: to make an error and its headers costs as much as half a prediction, and comes in thousands. */
interface Refusal {
  readonly error: MillraceError;
  readonly headers: Headers;
}

interface Call {
  readonly message: Message;
  readonly done: Done;
}

export class PredictService {
  readonly #limits: PredictLimits;
  readonly #queue: RequestQueue<Call>;
  readonly #refusals: Readonly<Record<Shed, Refusal>>;
  readonly #scorer: Scorer;
  readonly #gate: Gate;
  /** What is served at this moment; read once per request, so that one answer is of one state. */
  readonly #state: () => ServingState;

  constructor(
    limits: PredictLimits,
    scorer: Scorer,
    gate: Gate,
    state: () => ServingState,
    readingLagMs: () => number,
  ) {
    this.#limits = limits;
    this.#refusals = refusalsOf(limits);
    this.#queue = new RequestQueue(
      limits,
      (call) => this.#serve(call),
      (call, why) => this.#shed(call, this.#refusals[why]),
      () => performance.now(),
      readingLagMs,
    );
    this.#scorer = scorer;
    this.#gate = gate;
    this.#state = state;
  }

  /** Calls done once the answer, or the refusal, is on its way. */
  handle(message: Message, done: Done): void {
    this.#queue.offer({ message, done }, message.data.byteLength);
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
    const { message, done } = call;
    try {
      const contentType = message.header(contentTypeHeader);
      const request = predictRequest(decode(message.data, contentType), this.#limits.instancesMax);
      const format = formatOf(contentType);
      this.#gate.admit(request.options, (refusal) => {
        if (refusal !== undefined) return refuse(call, refusal);
        try {
          this.#answer(message, request, format);
          done();
        } catch (error) {
          refuse(call, error);
        }
      });
    } catch (error) {
      refuse(call, error);
    }
  }

  #answer(message: Message, request: PredictRequest, format: WireFormat): void {
    const { table, provenance } = this.#state();
    if (request.kind === 'single') {
      respondValue(message, { ...this.#score(request.instance, table), ...provenance }, format);
      return;
    }
    const predictions = request.instances.map((item) => this.#scoreOne(item, table));
    respondValue(message, { predictions, ...provenance }, format);
  }

  /** An instance of a batch that cannot be served says so in its own place. */
  #scoreOne(item: unknown, table: Float32Array): Scored | InstanceError {
    try {
      return this.#score(checkedInstance(item), table);
    } catch (error) {
      const { code, message } = replyError(error);
      const id = (item as { id?: unknown } | null)?.id;
      return { ...(typeof id === 'string' ? { id } : {}), error: { code, message } };
    }
  }

  #score({ id, features }: { id: string | undefined; features: unknown }, table: Float32Array): Scored {
    return { id: id ?? randomUUID(), ...this.#scorer.score(features, table) };
  }
}

function refuse({ message, done }: Call, error: unknown): void {
  respondError(message, error);
  done(replyError(error));
}

function refusalsOf(limits: PredictLimits): Record<Shed, Refusal> {
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
