/** Answers predict requests: checks them, lets the gate decide when, scores, replies. Never throws. */
import { randomUUID } from 'node:crypto';
import type { Message } from '../nats/channel.ts';
import { contentTypeHeader, decode, formatOf, type WireFormat } from '../protocol/codec.ts';
import type { InstanceError, Provenance, Scored } from '../protocol/messages.ts';
import { replyError, respondError, respondValue } from '../protocol/replies.ts';
import type { Gate } from './gate.ts';
import { checkedInstance, type PredictRequest, predictRequest } from './predict-request.ts';
import type { Scorer } from './scorer.ts';

export interface ServingState {
  readonly table: Float32Array;
  readonly provenance: Provenance;
}

export class PredictService {
  readonly #instancesMax: number;
  readonly #scorer: Scorer;
  readonly #gate: Gate;
  /** What is served at this moment; read once per request, so that one answer is of one state. */
  readonly #state: () => ServingState;

  constructor(instancesMax: number, scorer: Scorer, gate: Gate, state: () => ServingState) {
    this.#instancesMax = instancesMax;
    this.#scorer = scorer;
    this.#gate = gate;
    this.#state = state;
  }

  /** Calls done once the answer, or the refusal, is on its way. */
  handle(message: Message, done: (error?: string) => void): void {
    const refuse = (error: unknown) => {
      respondError(message, error);
      done(replyError(error).message);
    };
    try {
      const contentType = message.header(contentTypeHeader);
      const request = predictRequest(decode(message.data, contentType), this.#instancesMax);
      const format = formatOf(contentType);
      this.#gate.admit(request.options, (refusal) => {
        if (refusal !== undefined) return refuse(refusal);
        try {
          this.#answer(message, request, format);
          done();
        } catch (error) {
          refuse(error);
        }
      });
    } catch (error) {
      refuse(error);
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
