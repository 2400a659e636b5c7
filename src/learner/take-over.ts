/**
 * What a learner does before its first batch. Its earlier life may have died between two shards: if any shard
 * has committed a batch then all of them hold it, and the others commit it now; a batch that none has committed
 * is dropped and learned again.
 */
import { assert } from '../base/assert.ts';
import { anchorsFrom, type LogAnchor } from '../protocol/log-anchor.ts';
import type { ShardClient, ShardGreeting } from './shard-client.ts';

export interface StartingPoint {
  /** Last sequence applied, per partition: the same on every shard. */
  readonly marks: Float64Array;
  readonly sums: Float64Array;
  /** Last entries in the parameters. */
  readonly anchors: readonly LogAnchor[];
}

export async function takeOver(shards: ShardClient): Promise<StartingPoint> {
  const greetings = await shards.hello();
  const committedTo = Math.max(...greetings.map((greeting) => greeting.committedTo));
  let unfinished = false;
  for (const [shard, greeting] of greetings.entries()) {
    if (greeting.committedTo === committedTo) continue;
    assert(
      greeting.stagedTo === committedTo,
      `shard ${shard} holds the batch that another shard has committed`,
    );
    await shards.commitOn(shard, committedTo);
    unfinished = true;
  }
  await shards.drop();
  return startingPoint(unfinished ? await shards.hello() : greetings);
}

function startingPoint(greetings: readonly ShardGreeting[]): StartingPoint {
  const [first] = greetings;
  assert(first !== undefined, 'a model has at least one shard');
  return { marks: first.marks, sums: first.sums, anchors: anchorsFrom(first.anchors) };
}

/** Where to start reading: behind the lowest mark of the partitions that are this learner's. */
export function firstSequence(marks: Float64Array, learner: number, learners: number): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let partition = learner; partition < marks.length; partition += learners) {
    lowest = Math.min(lowest, marks[partition]!);
  }
  // More learners than partitions: this one has none, and follows the log for its marks' sake only.
  return Number.isFinite(lowest) ? lowest + 1 : 1;
}
