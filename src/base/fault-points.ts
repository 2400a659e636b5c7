/**
 * Places at which a fault can be caused on purpose (docs/chaos.md), named where they matter: between two steps
 * that must both happen or neither. Whoever has such a place is handed a FaultPoints and says when it gets there.
 * Nothing happens at any of them unless a process was started to be broken: `noFaults` does nothing.
 */
export const faultPoints = [
  'learner.decoding',
  'learner.featurizing',
  'learner.learning',
  'learner.beforePull',
  'learner.afterPull',
  'learner.betweenStages',
  'learner.betweenCommits',
  'learner.betweenMarkers',
  'shard.insideRow',
  'shard.frozen',
  'checkpointer.diskWrite',
  'checkpointer.betweenImages',
  'checkpointer.beforeManifest',
  'checkpointer.beforePointer',
  'server.versionRead',
  'server.epochWritten',
  'server.pointerMoved',
  'server.shardsStopped',
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface FaultPoints {
  /**
   * In synchronous work: may never return, may block, may throw what the place could meet by itself. Where it is an
   * event's place, with the event's.
   */
  reach(point: FaultPoint, seq?: number, index?: number): void;
  /** Between two messages: what was sent before it arrives before anything happens. Undefined: go on at once. */
  pass(point: FaultPoint): Promise<void> | undefined;
}

export const noFaults: FaultPoints = { reach: () => undefined, pass: () => undefined };
