/**
 * The memory of all shards of a model brought to one state while no thread works on it: what the next lives of its
 * shards and learners would do by messages. A batch that any shard has committed is committed on all; any other
 * that is staged is dropped, and its events come again.
 */
import type { ShardMemory } from './memory.ts';
import { commit, drop, recover } from './staging.ts';

export function settleMemory(memories: readonly ShardMemory[]): void {
  for (const memory of memories) recover(memory);
  const learners = memories[0]?.shape.learners ?? 0;
  for (let learner = 0; learner < learners; learner++) {
    const committedTo = Math.max(...memories.map(({ ledger }) => ledger.committedTo[learner]!));
    for (const memory of memories) {
      commit(memory, learner, committedTo, ignore, ignore);
      drop(memory, learner);
    }
  }
}

const ignore = (): void => undefined;
