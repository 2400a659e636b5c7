/** Those who use the system: one publishes the plan's messages until they are acked, one asks for predictions. */
import { MillraceError } from '../../src/base/errors.ts';
import { decode, encode } from '../../src/protocol/codec.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { must } from './difference.ts';
import { type Network, SimulatedChannel } from './network.ts';
import { type Plan, type Publish, words } from './plan.ts';
import { modelName } from './process.ts';
import type { Random } from './random.ts';
import type { Owner } from './world.ts';

const ackTimeoutMs = 400;
const askTimeoutMs = 1_500;
/** Attempts at rest. */
const patience = 20;
const subjects = subjectsOf('millrace');

/** What came back for a prediction. */
export interface Prediction {
  readonly score: number;
  readonly version: number;
  readonly seq: number;
}

export class Publisher {
  readonly #network: Network;
  readonly owner: Owner;
  readonly channel: SimulatedChannel;
  /** Sequences that were acked. */
  readonly acked: number[] = [];
  #open = 0;

  constructor(network: Network) {
    this.#network = network;
    this.owner = network.world.owner('publisher', (error) => network.world.fail(error));
    this.channel = new SimulatedChannel(network, this.owner);
  }

  get isDone(): boolean {
    return this.#open === 0;
  }

  follow(plan: Plan, begunMs: number): void {
    plan.publishes.forEach((publish, number) => {
      this.#open++;
      this.#network.world.at(this.owner, begunMs + publish.atMs, () => {
        this.#publish(publish, `event-${number}`).then(
          () => this.#open--,
          (error) => this.#network.world.fail(error),
        );
      });
    });
  }

  async #publish(publish: Publish, msgId: string): Promise<void> {
    const seq = await this.#untilAcked(publish, msgId);
    this.acked.push(seq);
    if (publish.againMs === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, publish.againMs));
    const again = await this.#untilAcked(publish, msgId);
    must(again === seq, () => `${msgId} is entry ${seq}, and again ${again}`);
  }

  async #untilAcked({ subject, body }: Publish, msgId: string): Promise<number> {
    const { verb, key } = subject;
    for (;;) {
      try {
        const data = new TextEncoder().encode(body);
        const at = subjects[verb](modelName, key);
        return (await this.channel.append(at, data, { msgId, timeoutMs: ackTimeoutMs })).seq;
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

export class Asker {
  readonly #network: Network;
  readonly #random: Random;
  readonly #check: (features: object, prediction: Prediction) => void;
  readonly owner: Owner;
  readonly channel: SimulatedChannel;
  answered = 0;
  refused = 0;

  constructor(network: Network, random: Random, check: (features: object, prediction: Prediction) => void) {
    this.#network = network;
    this.#random = random;
    this.#check = check;
    this.owner = network.world.owner('asker', (error) => network.world.fail(error));
    this.channel = new SimulatedChannel(network, this.owner);
  }

  /** Asks again and again until the time; some ask for what the publisher's last receipt says. */
  follow(everyMs: number, untilMs: number, acked: readonly number[]): void {
    const { world } = this.#network;
    const ask = () => {
      const receipt = this.#random.chance(0.3) ? acked.at(-1) : undefined;
      this.ask({ w: this.#random.pick(words) }, receipt).catch((error) => {
        if (error instanceof MillraceError && expectedRefusals.has(error.kind)) this.refused++;
        else world.fail(error);
      });
      const waitMs = this.#random.wait(everyMs);
      if (world.now + waitMs < untilMs) world.after(this.owner, waitMs, ask);
    };
    world.after(this.owner, this.#random.wait(everyMs), ask);
  }

  /** As the SDK does: asks again while nobody is there. */
  async patiently(features: object, minSeq: number | undefined): Promise<Prediction> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(features, minSeq);
      } catch (error) {
        const isPassing = error instanceof MillraceError && passing.has(error.kind);
        if (!isPassing || attempt === patience) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async ask(features: object, minSeq: number | undefined): Promise<Prediction> {
    const body = encode({ features, ...(minSeq === undefined ? {} : { minSeq }) }, 'json');
    const reply = await this.channel.request(subjects.predict(modelName), body, { timeoutMs: askTimeoutMs });
    const prediction = decode(reply.data, undefined) as Prediction;
    must(
      minSeq === undefined || prediction.seq >= minSeq,
      () => `minSeq ${minSeq} was answered with seq ${prediction.seq}`,
    );
    this.#check(features, prediction);
    this.answered++;
    return prediction;
  }
}

const passing: ReadonlySet<string> = new Set(['notReady', 'deadline', 'overloaded']);
/** Nobody there yet, not in time, held up on the way, left out by a rollback. */
const expectedRefusals: ReadonlySet<string> = new Set([...passing, 'conflict']);
