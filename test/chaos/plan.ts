/**
 * Which faults, in which order, at which moment: all of it follows from the seed. The moment within a thread is
 * the system's own (threads and sockets are real), so a seed repeats the faults and not every interleaving.
 */
import type { FaultPoint } from '../../src/base/fault-points.ts';
import { randomOf } from '../support/data.ts';

/** One learner with each optimiser, and several learners that count. A scene's place here is part of what a seed means. */
export const scenes = ['sgd', 'adagrad', 'ftrl', 'counting', 'nag'] as const;
export type Scene = (typeof scenes)[number];

/** `kill` ends the whole process at the point, `exit` the thread. */
export type Fault =
  | { readonly kind: 'terminate'; readonly actor: string }
  | {
      readonly kind: 'point';
      readonly actor: string;
      readonly point: FaultPoint;
      readonly how: 'exit' | 'kill';
      readonly after: number;
    }
  | { readonly kind: 'hang'; readonly actor: string }
  | { readonly kind: 'disconnect'; readonly actor: string }
  | { readonly kind: 'killNats' }
  | { readonly kind: 'stallNats'; readonly forMs: number }
  | { readonly kind: 'killProcess' }
  | { readonly kind: 'killAtStart'; readonly point: FaultPoint }
  | { readonly kind: 'killAtRollback'; readonly point: FaultPoint; readonly mode: 'continue' | 'relearn' }
  | { readonly kind: 'rollback'; readonly mode: 'continue' | 'relearn' }
  | { readonly kind: 'secondServer' }
  | { readonly kind: 'standby'; readonly wake: 'afterwards' | 'never' }
  | { readonly kind: 'diskFull'; readonly writes: number }
  | { readonly kind: 'publishes'; readonly how: 'duplicate' | 'reorder' | 'delay' };

/** Predictions travel over the server and the process: they may fail while one of these is away. */
export const endsServing = (fault: Fault): boolean =>
  ['killNats', 'killProcess', 'killAtStart', 'killAtRollback', 'standby'].includes(fault.kind) ||
  (fault.kind === 'point' && fault.how === 'kill');

export interface Act {
  readonly fault: Fault;
  /** Pause before it, so that it does not always meet the same moment. */
  readonly pauseMs: number;
}

export interface Script {
  readonly scene: Scene;
  readonly shards: number;
  readonly acts: readonly Act[];
}

export const learnersOf = (scene: Scene): number => (scene === 'counting' ? 2 : 1);

type Random = () => number;
const whole = (random: Random, below: number): number => Math.floor(random() * below);
const pick = <Item>(random: Random, items: readonly Item[]): Item => items[whole(random, items.length)]!;

/** Every kind in every scene when there are enough faults; the dear ones once where the cheap ones come several times. */
function deckOf(random: Random, scene: Scene, shards: number): Fault[] {
  const learner = () => `m/learner/${whole(random, learnersOf(scene))}`;
  const shard = () => `m/shard/${whole(random, shards)}`;
  const predictor = () => `m/predictor/${whole(random, 2)}`;
  const anyActor = () => pick(random, [learner, shard, predictor, () => 'm/checkpointer', () => 'monitor'])();
  const at = (actor: string, point: FaultPoint, how: 'exit' | 'kill' = 'exit', most = 30): Fault => ({
    kind: 'point',
    actor,
    point,
    how,
    after: whole(random, most),
  });
  // What is left out on purpose depends on the partition, which only one learner keeps uniform.
  const mode = () => (scene === 'counting' ? 'relearn' : pick(random, ['continue', 'relearn'] as const));
  const killPoint = pick(random, [
    () => at(learner(), 'learner.betweenStages', 'kill'),
    () => at(learner(), 'learner.betweenCommits', 'kill'),
    () => at(shard(), 'shard.insideRow', 'kill', 200),
    () => at(shard(), 'shard.frozen', 'kill', 1),
    () => at('m/checkpointer', 'checkpointer.beforeManifest', 'kill', 1),
    () => at('m/checkpointer', 'checkpointer.beforePointer', 'kill', 1),
  ]);
  return [
    at(learner(), 'learner.beforePull'),
    at(learner(), 'learner.afterPull'),
    at(learner(), 'learner.betweenStages'),
    at(learner(), 'learner.betweenStages'),
    at(learner(), 'learner.betweenCommits'),
    at(learner(), 'learner.betweenCommits'),
    at(learner(), 'learner.betweenMarkers', 'exit', 1),
    at(shard(), 'shard.insideRow', 'exit', 200),
    at(shard(), 'shard.insideRow', 'exit', 200),
    at(shard(), 'shard.frozen', 'exit', 1),
    at(
      'm/checkpointer',
      pick(random, [
        'checkpointer.betweenImages',
        'checkpointer.beforeManifest',
        'checkpointer.beforePointer',
      ] as const),
      'exit',
      1,
    ),
    { kind: 'terminate', actor: learner() },
    { kind: 'terminate', actor: shard() },
    { kind: 'terminate', actor: predictor() },
    { kind: 'terminate', actor: anyActor() },
    { kind: 'hang', actor: learner() },
    { kind: 'hang', actor: anyActor() },
    { kind: 'disconnect', actor: learner() },
    { kind: 'disconnect', actor: pick(random, [shard, predictor, () => 'server', () => 'm/checkpointer'])() },
    { kind: 'diskFull', writes: 1 + whole(random, 8) },
    { kind: 'publishes', how: 'duplicate' },
    { kind: 'publishes', how: 'reorder' },
    { kind: 'publishes', how: 'delay' },
    { kind: 'stallNats', forMs: 300 + whole(random, 1500) },
    { kind: 'killNats' },
    { kind: 'killProcess' },
    killPoint(),
    { kind: 'killAtStart', point: pick(random, ['server.versionRead', 'server.epochWritten'] as const) },
    {
      kind: 'killAtRollback',
      point: pick(random, ['server.pointerMoved', 'server.shardsStopped'] as const),
      mode: mode(),
    },
    { kind: 'rollback', mode: mode() },
    { kind: 'secondServer' },
    { kind: 'standby', wake: random() < 0.75 ? 'afterwards' : 'never' },
  ];
}

/** The dear ones of a deck come last in it: a short run takes the cheap ones first, in any order. */
function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const left = [...items];
  return items.map(() => left.splice(whole(random, left.length), 1)[0]!);
}

export function scriptsOf(seed: number, faults: number, only: readonly Scene[] = scenes): Script[] {
  return only.map((scene, at) => {
    const random = randomOf(seed * 1009 + scenes.indexOf(scene));
    const shards = 2 + whole(random, 2);
    const count = Math.floor(faults / only.length) + (at < faults % only.length ? 1 : 0);
    const acts: Act[] = [];
    while (acts.length < count) {
      const deck = shuffled(random, deckOf(random, scene, shards));
      for (const fault of deck.slice(0, count - acts.length))
        acts.push({ fault, pauseMs: whole(random, 250) });
    }
    return { scene, shards, acts };
  });
}

export function nameOf(fault: Fault): string {
  const { kind, ...facts } = fault;
  return [kind, ...Object.values(facts).map(String)].join(' ');
}
