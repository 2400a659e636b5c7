/**
 * One schedule: a whole system from its start, through its plan's traffic and faults, to rest. Then everything is
 * compared with the plain loop over the log. The same seed gives the same schedule, event by event.
 */
import type { LearnerSettings } from '../../actors/learner.ts';
import type { ShardSettings } from '../../actors/shard.ts';
import type { Config, ModelConfig } from '../../config/schema.ts';
import { messageOf } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { unseal } from '../../src/checkpoint/sealed-json.ts';
import type { Manifest } from '../../src/checkpoint/store.ts';
import type { buildModel } from '../../src/kernels/build-model.ts';
import { subjectsOf } from '../../src/protocol/subjects.ts';
import { stagedTo } from '../../src/shard/staging.ts';
import { PlainLoop } from '../support/plain-loop.ts';
import { Broker } from './broker.ts';
import { Asker, Publisher } from './clients.ts';
import { Difference } from './difference.ts';
import { Fate } from './fate.ts';
import { finalChecks } from './final-checks.ts';
import { MemoryDisk } from './memory-disk.ts';
import type { Network } from './network.ts';
import type { Thread } from './one-thread-pool.ts';
import { Oracle } from './oracle.ts';
import { type Plan, planOf } from './plan.ts';
import { checkpointFolder, modelName, SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import { checkReply } from './reply-check.ts';
import { type MarksSeen, ShardWatch } from './shard-watch.ts';
import { addTotals, count, type Totals } from './totals.ts';
import { installClock } from './virtual-clock.ts';
import { type Owner, World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** What is not as it must be. */
  readonly failure: string | undefined;
  readonly digest: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly totals: Totals;
}

export type Say = (line: string) => void;

/** So much simulated time for everything to come to rest once nothing more goes wrong. */
const restLimitMs = 120_000;

export async function runSchedule(seed: number, build: typeof buildModel, say?: Say): Promise<Outcome> {
  const schedule = new Schedule(seed, build, say);
  const restore = installClock(schedule.world);
  const strays: unknown[] = [];
  const stray = (error: unknown) => void strays.push(error);
  process.on('unhandledRejection', stray);
  let failure: string | undefined;
  try {
    await schedule.run();
  } catch (error) {
    failure = error instanceof Difference ? error.message : ((error as Error).stack ?? messageOf(error));
  } finally {
    restore();
    // Rejections that nobody handled are told when the event loop turns.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', stray);
  }
  if (strays.length > 0) failure ??= `a rejection that nobody handled: ${(strays[0] as Error)?.stack}`;
  return schedule.outcome(failure);
}

class Schedule {
  readonly world = new World();
  readonly #seed: number;
  readonly #plan: Plan;
  readonly #random: Random;
  readonly #build: typeof buildModel;
  readonly #say: Say | undefined;
  readonly #network: Network;
  readonly #disk: MemoryDisk;
  readonly #oracle: Oracle;
  readonly #scratch: PlainLoop;
  readonly #publisher: Publisher;
  readonly #asker: Asker;
  readonly #fate: Fate;
  readonly #threads = new Map<Owner, Thread>();
  readonly #watches = new Map<Owner, ShardWatch>();
  readonly #marksSeen: MarksSeen = new WeakMap();
  readonly #totals: Totals = {};
  #processes = 0;

  constructor(seed: number, build: typeof buildModel, say: Say | undefined) {
    this.#seed = seed;
    this.#build = build;
    this.#say = say;
    const random = new Random(seed);
    this.#plan = planOf(random.fork());
    this.#random = random;
    const { world } = this;
    const delays = random.fork();
    const { delayMs } = this.#plan;
    const calm = {
      delayMs: () => delays.wait(delayMs) * (delays.chance(0.01) ? 20 : 1),
      loses: () => false,
    };
    const broker = new Broker(() => world.now, random.fork());
    const serverOwner = world.owner('nats-server', (error) => world.fail(error));
    this.#network = { world, broker, serverOwner, weather: calm, passes: () => true };
    this.#disk = new MemoryDisk(world);
    const built = build(this.#model);
    const log = () => broker.entries(subjectsOf('millrace').stream(modelName));
    this.#oracle = new Oracle(this.#model, built, this.#plan.isExact, log);
    this.#scratch = new PlainLoop(this.#model, built);
    this.#publisher = new Publisher(this.#network);
    this.#asker = new Asker(this.#network, random.fork(), (features, prediction) => {
      if (this.#plan.isExact) checkReply(this.#oracle, this.#scratch, features, prediction);
    });
    this.#fate = new Fate({
      network: this.#network,
      disk: this.#disk,
      random: random.fork(),
      config: this.#plan.config,
      calm,
      others: [this.#publisher.channel, this.#asker.channel],
      versions: () => this.#versionsOnDisk(),
      lastSeq: () => this.#oracle.lastSeq,
      start: (config) => this.#startProcess(config),
      note: (what) => this.#tell('fate', JSON.stringify(what)),
      happened: (group, name) => count(this.#totals, group, name),
    });
    this.#network.passes = (verb, isAnswer) => this.#fate.passes(verb, isAnswer);
  }

  get #model(): ModelConfig {
    return this.#plan.config.models[modelName]!;
  }

  async run(): Promise<void> {
    const { world } = this;
    const plan = this.#plan;
    const { actors, optimizer, features, batch } = this.#model;
    this.#tell('plan', JSON.stringify({ exact: plan.isExact, actors, optimizer, features, batch }));
    world.inspect = () => this.#inspect();
    this.#disk.renamed = (path, bytes) => this.#noteVersion(path, bytes);
    world.after(world.fate, 0, () => this.#fate.startProcess());
    await world.run(() => this.#isServing, restLimitMs, 'the first process serves');
    const begunMs = world.now;
    this.#publisher.follow(plan, begunMs);
    this.#asker.follow(plan.askEveryMs, begunMs + plan.horizonMs, this.#publisher.acked);
    for (const { atMs, fault } of plan.faults)
      world.at(world.fate, begunMs + atMs, () => this.#fate.act(fault));
    const horizon = begunMs + plan.horizonMs;
    world.at(world.fate, horizon, () => undefined);
    await world.run(() => world.now >= horizon, plan.horizonMs + restLimitMs, 'the horizon');
    this.#fate.heal();
    this.#tend();
    await world.run(() => this.#isAtRest, restLimitMs, 'everything acked is learned');
    await this.#toTheEnd(() =>
      finalChecks({
        oracle: this.#oracle,
        plan,
        asker: this.#asker,
        broker: this.#network.broker,
        disk: this.#disk,
        process: this.#fate.process!,
        shards: this.#shardsAtWork.map(({ memory }) => memory),
      }),
    );
  }

  outcome(failure: string | undefined): Outcome {
    const { world } = this;
    return {
      seed: this.#seed,
      failure,
      digest: world.digest >>> 0,
      steps: world.steps,
      simulatedMs: Math.round(world.now),
      totals: this.#totalsNow(),
    };
  }

  #totalsNow(): Totals {
    const { entries, events } = this.#oracle.traffic;
    const { answered, refused } = this.#asker;
    for (const reason of this.#oracle.epochReasons) count(this.#totals, 'epochs', reason);
    addTotals(this.#totals, {
      traffic: { entries, events, answered, refused },
      versions: { made: this.#oracle.versions.size },
    });
    return this.#totals;
  }

  /** Work that is done in the world's time, until it is done. */
  async #toTheEnd(work: () => Promise<void>): Promise<void> {
    const { world } = this;
    let isDone = false;
    world.after(world.fate, 0, () => {
      work().then(
        () => {
          isDone = true;
        },
        (error) => world.fail(error),
      );
    });
    await world.run(() => isDone, restLimitMs, 'the final checks');
  }

  #tend(): void {
    this.#fate.tend();
    this.world.after(this.world.fate, 250, () => this.#tend());
  }

  get #isServing(): boolean {
    const process = this.#fate.process;
    return process?.isReady === true && process.host?.phase === 'running';
  }

  get #isAtRest(): boolean {
    const { current } = this.world;
    // It begins with something that a shard did, or was there already when somebody looked.
    if (current !== this.world.fate && !this.#watches.has(current)) return false;
    if (!this.#publisher.isDone || !this.#isServing) return false;
    const process = this.#fate.process!;
    if (process.asked > 0) return false;
    const shards = this.#shardsAtWork;
    const { actors } = process.config.models[modelName]!;
    return shards.length === actors.shards && shards.every(({ seq }) => seq >= this.#oracle.lastSeq);
  }

  /** The shards of the epoch that is served now. */
  get #shardsAtWork(): ShardWatch[] {
    const { pool, host } = this.#fate.process!;
    return [...pool.threads].flatMap(({ owner, believed }) => {
      const watch = this.#watches.get(owner);
      return believed && watch !== undefined && watch.epoch === host?.served.epoch ? [watch] : [];
    });
  }

  /** After each event: the shard at work, and traps for the actor at work. */
  #inspect(): void {
    const owner = this.world.current;
    this.#watches.get(owner)?.check();
    const thread = this.#threads.get(owner);
    if (thread !== undefined && owner.state === 'alive') this.#fate.stepped(thread);
  }

  #startProcess(config: Config): SimulatedProcess {
    const started = new SimulatedProcess({
      config,
      number: ++this.#processes,
      network: this.#network,
      random: this.#random.fork(),
      disk: this.#disk,
      build: this.#build,
      log: this.#logger(`p${this.#processes}`),
      broken: (name, error) =>
        this.world.fail(new Error(`${name} broke: ${(error as Error)?.stack ?? error}`)),
      started: (thread) => this.#threadStarted(thread),
    });
    count(this.#totals, 'lives', 'process');
    this.#tell('fate', `${started.name} starts: ${JSON.stringify(config.models[modelName]!.actors)}`);
    started.start();
    return started;
  }

  #threadStarted(thread: Thread): void {
    this.#threads.set(thread.owner, thread);
    count(this.#totals, 'lives', thread.kind);
    if (thread.kind === 'learner') this.#lookForUnfinished(thread.settings as LearnerSettings);
    if (thread.kind !== 'shard') return;
    const settings = thread.settings as ShardSettings;
    this.#watches.set(
      thread.owner,
      new ShardWatch(settings, this.#oracle, this.#plan.isExact, this.#marksSeen),
    );
  }

  /** What an earlier life left for the one that begins. */
  #lookForUnfinished({ epoch, learner }: LearnerSettings): void {
    const memories = [...this.#watches.values()].flatMap((watch) =>
      watch.epoch === epoch ? [watch.memory] : [],
    );
    const ends = memories.map(({ ledger }) => ledger.committedTo[learner]);
    if (ends.some((end) => end !== ends[0])) count(this.#totals, 'taken over', 'batch half committed');
    else if (memories.some((memory) => stagedTo(memory, learner) > 0))
      count(this.#totals, 'taken over', 'batch staged');
  }

  #versionsOnDisk(): number[] {
    const folder = `${checkpointFolder}/${modelName}`;
    return [...this.#oracle.versions.keys()].filter((version) =>
      this.#disk.has(`${folder}/${String(version).padStart(10, '0')}/manifest.json`),
    );
  }

  #noteVersion(path: string, bytes: Uint8Array): void {
    if (!path.endsWith('/manifest.json')) return;
    const unsealed = unseal(bytes);
    if (unsealed.kind === 'content') this.#oracle.addVersion(unsealed.content as Manifest);
  }

  #tell(who: string, sentence: string): void {
    this.#say?.(`${this.world.now.toFixed(3).padStart(10)}  ${who.padEnd(14)} ${sentence}`);
  }

  #logger(who: string): Logger {
    const say = (level: string) => (facts: object, sentence: string) => {
      if (this.#say !== undefined) this.#tell(who, `${level} ${sentence} ${shown(facts)}`);
    };
    const log: Logger = {
      debug: () => undefined,
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      child: () => log,
    };
    return log;
  }
}

const shown = (facts: object): string =>
  JSON.stringify(facts, (_key, value) => (value instanceof Error ? value.message : value));
