/** What goes wrong, done to the processes, connections, broker and disk of one schedule; and how it ends. */
import type { Config } from '../../config/schema.ts';
import type { Exclusion } from '../../src/protocol/internal.ts';
import type { ActorKind } from '../../src/runtime/actor.ts';
import type { MemoryDisk } from './memory-disk.ts';
import type { Network, SimulatedChannel, Weather } from './network.ts';
import type { Thread } from './one-thread-pool.ts';
import { type ActorCounts, type Fault, type Moment, ofCuts, withActors } from './plan.ts';
import { checkpointFolder, modelName, type SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';

export interface FateParts {
  readonly network: Network;
  readonly disk: MemoryDisk;
  readonly random: Random;
  readonly config: Config;
  readonly calm: Weather;
  readonly others: readonly SimulatedChannel[];
  readonly versions: () => readonly number[];
  readonly lastSeq: () => number;
  start(config: Config): SimulatedProcess;
  note(what: object): void;
  /** Counted for the result. */
  happened(group: string, name: string): void;
}

/** Something that happens to an actor when it has done so much more. */
interface Trap {
  readonly kind: Fault['kind'];
  readonly actor: ActorKind;
  readonly number: number;
  readonly verb: string | undefined;
  turns: number;
  spring(thread: Thread): void;
}

/** A message that will not arrive. */
interface Loss {
  readonly verb: string | undefined;
  readonly isAnswer: boolean;
  turns: number;
}

/** How long a woken life that was replaced may go on before its thread is gone. */
const undeadMs = 2_000;

export class Fate {
  readonly #parts: FateParts;
  readonly processes: SimulatedProcess[] = [];
  #traps: Trap[] = [];
  #losses: Loss[] = [];
  #config: Config;
  #starting = 0;
  #isOver = false;

  constructor(parts: FateParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** The process that was started last and lives. */
  get process(): SimulatedProcess | undefined {
    return this.processes.findLast((process) => process.isAlive);
  }

  startProcess(): void {
    this.processes.push(this.#parts.start(this.#config));
  }

  /** An actor has done something. */
  stepped(thread: Thread): void {
    for (const trap of this.#traps) {
      if (trap.verb !== undefined || trap.actor !== thread.kind) continue;
      if (!isNumber(thread, trap.number, this.process) || trap.turns-- > 0) continue;
      this.#spring(trap, thread);
      return;
    }
  }

  /** A message has come to the broker; false when it goes no further. */
  passes(verb: string, isAnswer: boolean): boolean {
    for (const trap of this.#traps) {
      if (isAnswer || trap.verb !== verb || trap.turns-- > 0) continue;
      const victim = [...(this.process?.pool.threads ?? [])].find(
        (thread) =>
          thread.believed && thread.kind === trap.actor && isNumber(thread, trap.number, this.process),
      );
      if (victim !== undefined) this.#spring(trap, victim);
    }
    const loss = this.#losses.find(
      (one) => one.verb === verb && one.isAnswer === isAnswer && one.turns-- <= 0,
    );
    if (loss === undefined) return true;
    this.#losses = this.#losses.filter((other) => other !== loss);
    this.#parts.note({ lost: verb, isAnswer });
    this.#parts.happened('faults', 'loseOne');
    return false;
  }

  #spring(trap: Trap, thread: Thread): void {
    this.#traps = this.#traps.filter((other) => other !== trap);
    this.#parts.note({ sprung: thread.owner.name, at: trap.verb });
    this.#parts.happened('faults', trap.kind);
    trap.spring(thread);
  }

  act(fault: Fault): void {
    if (this.#isOver) return;
    this.#parts.note(fault);
    // What waits for its moment counts then.
    if (!('moment' in fault)) this.#parts.happened('faults', fault.kind);
    else if (ofCuts.includes(fault.moment.verb ?? '')) this.#makeVersion();
    switch (fault.kind) {
      case 'killActor':
        this.#trap(fault, (thread) => thread.kill('killed'));
        break;
      case 'hangActor':
        this.#trap(fault, (thread) => this.#hang(thread, fault.forMs));
        break;
      case 'loseOne':
        this.#losses.push({ ...fault.moment, isAnswer: fault.isAnswer });
        break;
      case 'killProcess':
        this.#replace(fault.actors, fault.downMs, (process) => process.kill());
        break;
      case 'stopProcess':
        this.#replace(fault.actors, fault.downMs, (process) => process.stop());
        break;
      case 'hangProcess':
        this.#trap({ ...fault, actor: 'learner', number: 0 }, () =>
          this.#hangProcess(fault.forMs, fault.actors),
        );
        break;
      case 'secondProcess':
        this.#begin(fault.actors, 0);
        break;
      case 'rollback':
        this.#rollback(fault.back, fault.mode);
        break;
      case 'checkpoint':
        this.#makeVersion();
        break;
      case 'exclude':
        this.#exclude(fault.what, fault.word, fault.at);
        break;
      case 'pause':
        this.#pause(fault.forMs);
        break;
      default:
        this.#spoil(fault);
    }
  }

  #makeVersion(): void {
    this.process?.ask('checkpoint', (operations) => operations.checkpoint(modelName));
  }

  /** Nothing more goes wrong, and what went wrong is mended. */
  heal(): void {
    const { network, disk, calm } = this.#parts;
    this.#isOver = true;
    this.#traps = [];
    this.#losses = [];
    network.weather = calm;
    disk.fault = () => undefined;
    network.world.wake(network.serverOwner);
    for (const process of this.processes) if (process.isAlive) process.wake();
    for (const thread of this.#threads()) {
      network.world.wake(thread.owner);
      this.#burySoon(thread);
    }
    this.process?.ask('resume', (operations) => operations.setPaused(modelName, false));
  }

  /** After the end, somebody must serve. */
  tend(): void {
    for (const process of this.processes) {
      if (process.isAlive && process.host?.phase === 'failed') process.kill();
    }
    if (this.process === undefined && this.#starting === 0) this.startProcess();
  }

  #trap(
    { kind, actor, number, moment }: Fault & { moment: Moment; actor: ActorKind; number: number },
    spring: (thread: Thread) => void,
  ): void {
    this.#traps.push({ kind, actor, number, ...moment, spring });
  }

  #hang(thread: Thread, forMs: number): void {
    const { world } = this.#parts.network;
    world.hang(thread.owner);
    world.after(world.fate, forMs, () => {
      world.wake(thread.owner);
      this.#burySoon(thread);
    });
  }

  #burySoon(thread: Thread): void {
    const { world } = this.#parts.network;
    if (thread.believed) return;
    this.#parts.happened('woke too late', thread.kind);
    world.after(world.fate, undeadMs, () => thread.kill('gone at last'));
  }

  #replace(actors: ActorCounts, downMs: number, end: (process: SimulatedProcess) => void): void {
    const process = this.process;
    if (process === undefined) return;
    end(process);
    const { world } = this.#parts.network;
    const look = () => {
      if (process.isAlive) world.after(world.fate, 100, look);
      else this.#begin(actors, downMs);
    };
    look();
  }

  #begin(actors: ActorCounts, afterMs: number): void {
    const { world } = this.#parts.network;
    this.#starting++;
    world.after(world.fate, afterMs, () => {
      this.#starting--;
      this.#config = withActors(this.#config, actors);
      this.startProcess();
    });
  }

  /** The whole process stops in its tracks; another takes over when the lease has run out; then the first wakes. */
  #hangProcess(forMs: number, actors: ActorCounts): void {
    const process = this.process;
    if (process === undefined) return;
    const { world } = this.#parts.network;
    process.hang();
    this.#begin(actors, 10);
    world.after(world.fate, forMs, () => {
      if (process.isAlive && process !== this.process) this.#parts.happened('woke too late', 'process');
      process.wake();
    });
  }

  #rollback(back: number, mode: 'continue' | 'relearn'): void {
    const versions = [0, ...this.#parts.versions()];
    const version = versions[Math.max(0, versions.length - 1 - back)]!;
    this.process?.ask(`rollback to ${version}`, (operations) =>
      operations.rollback(modelName, version, mode),
    );
  }

  #exclude(what: 'key' | 'feature' | 'message', word: string, at: number): void {
    const lastSeq = this.#parts.lastSeq();
    const untilSeq = lastSeq + 5;
    const exclusion: Exclusion =
      what === 'message'
        ? { kind: 'position', seq: 1 + Math.floor(at * lastSeq) }
        : { kind: what, value: what === 'key' ? word : `w=${word}`, untilSeq };
    this.process?.ask(`exclude ${what}`, (operations) => operations.exclude(modelName, [exclusion]));
  }

  #pause(forMs: number): void {
    const { world } = this.#parts.network;
    const { process } = this;
    process?.ask('pause', (operations) => operations.setPaused(modelName, true));
    world.after(world.fate, forMs, () =>
      process?.ask('resume', (operations) => operations.setPaused(modelName, false)),
    );
  }

  /** Network, broker and disk. */
  #spoil(fault: Fault): void {
    const { network, disk, random, calm } = this.#parts;
    const { world } = network;
    const channels = [...this.#parts.others, ...(this.process?.channels ?? [])];
    if (fault.kind === 'dropConnection') channels[fault.which % channels.length]!.drop(fault.outageMs);
    if (fault.kind === 'stallConnection') channels[fault.which % channels.length]!.stall(fault.forMs);
    if (fault.kind === 'restartBroker') for (const channel of channels) channel.drop(fault.outageMs);
    if (fault.kind === 'hangBroker') {
      world.hang(network.serverOwner);
      world.after(world.fate, fault.forMs, () => world.wake(network.serverOwner));
    }
    if (fault.kind === 'loseMessages') {
      network.weather = { ...calm, loses: () => random.chance(fault.rate) };
      world.after(world.fate, fault.forMs, () => {
        network.weather = calm;
      });
    }
    if (fault.kind === 'breakDisk') {
      disk.fault = () => (random.chance(fault.rate) ? fault.code : undefined);
      world.after(world.fate, fault.forMs, () => {
        disk.fault = () => undefined;
      });
    }
    if (fault.kind === 'damageVersion') this.#damage(fault.place);
  }

  /** The newest version loses a bit; there is one before it. */
  #damage(place: number): void {
    const versions = this.#parts.versions();
    if (versions.length < 2) return;
    const folder = `${checkpointFolder}/${modelName}/${String(versions.at(-1)).padStart(10, '0')}`;
    const files = this.#parts.disk.entriesNow(folder).map(({ name }) => name);
    this.#parts.disk.damage(`${folder}/${files[Math.floor(place * files.length)]}`, place);
  }

  *#threads(): Iterable<Thread> {
    for (const process of this.processes) yield* process.pool.threads;
  }
}

/** `learner/7` of two learners is the second. */
function isNumber(thread: Thread, number: number, process: SimulatedProcess | undefined): boolean {
  if (thread.kind === 'checkpointer') return true;
  const { actors } = (process?.config.models[modelName] ?? { actors: undefined }) as {
    actors: Record<string, number> | undefined;
  };
  const count = actors?.[`${thread.kind}s`] ?? 1;
  return thread.name.endsWith(`/${number % count}`);
}
