/**
 * Deliberate mistakes in the product, each of which seeded schedules must find (docs/simulation.md has the result).
 * An edit's text stands exactly once in its file: a test sees to it that the list keeps up with the product.
 */
export interface Mutation {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Why schedules cannot find it. */
  readonly escapes?: string;
}

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const mutation = (name: string, file: string, ...edits: (readonly [string, string])[]): Mutation => ({
  name,
  edits: edits.map(([from, to]) => ({ file, from, to })),
});

/** Harmless alone, because another part of the product stands behind it; `with` takes that away too. */
const guarded = (
  name: string,
  file: string,
  edit: readonly [string, string],
  guard: { readonly by: string; readonly without: Mutation },
): Mutation[] => [
  { ...mutation(name, file, edit), escapes: guard.by },
  {
    name: `${name}, and ${guard.without.name}`,
    edits: [...mutation(name, file, edit).edits, ...guard.without.edits],
  },
];

const marksNotCompared = mutation('marks are not compared', 'src/cut/cut-client.ts', [
  'if (!states.every((state) => isSameState(state, first)))',
  'if (!states.every((state) => isSameState(state, state)))',
]);

export const mutations: readonly Mutation[] = [
  // Learning: a batch is all or nothing, once.
  mutation('a batch is committed before all shards have staged it', 'src/learner/learner.ts', [
    'await pushed;',
    'pushed.catch(() => undefined);',
  ]),
  mutation('taking over drops what another shard has committed', 'src/learner/take-over.ts', [
    'if (greeting.committedTo === committedTo) continue;',
    'continue;',
  ]),
  {
    ...mutation('taking over does not drop a staged batch', 'src/learner/take-over.ts', [
      'await shards.drop();',
      '',
    ]),
    escapes: 'it does no harm: the next push replaces it',
  },
  mutation(
    'a commit that is repeated is applied again',
    'src/shard/staging.ts',
    ['if (memory.ledger.committedTo[learner] === toSeq) return false;', ''],
    [
      'area.head[head.status] = status.empty;\n  written(local);',
      'written(local);\n  area.head[head.status] = status.staged;',
    ],
  ),
  mutation('a push of an earlier life is heard', 'src/shard/shard.ts', [
    'push(who: LearnerIdentity, part: PushPart): void {\n    this.admit(who);',
    'push(who: LearnerIdentity, part: PushPart): void {',
  ]),
  mutation('no fence: any life of a learner is heard', 'src/shard/shard.ts', [
    'if (fence !== life) throw staleLife(learner, life, fence ?? 0);',
    'if (fence === undefined) throw staleLife(learner, life, 0);',
  ]),
  mutation('marks of idle partitions are not moved', 'src/learner/batch-builder.ts', [
    "if (verb === 'control' || !this.#isOwn(entry)) return [];",
    "if (verb === 'control' || !this.#isOwn(entry)) {\n      batch.toSeq = batch.stamps.at(-2) ?? batch.toSeq - 1;\n      return [];\n    }",
  ]),
  mutation('what the marks hold is taken again', 'src/learner/batch-builder.ts', [
    'partition % learners === learner && entry.seq > this.#marks[partition]!',
    'partition % learners === learner && entry.seq > Math.min(...this.#marks)',
  ]),
  mutation('a learner begins one entry too late', 'src/learner/take-over.ts', [
    'lowest + 1 : 1',
    'lowest + 2 : 1',
  ]),
  mutation('a learner that takes over begins its sums anew', 'actors/learner.ts', [
    '    sums,\n',
    '    sums: new Float64Array(sums.length),\n',
  ]),
  mutation('several learners push values, not differences', 'src/learner/learner.ts', [
    'differenceRows(model.layout, batch.keys.keys.subarray(0, rows), this.#before, this.#table);',
    'differenceRows(model.layout, batch.keys.keys.subarray(0, 0), this.#before, this.#table);',
  ]),
  mutation('what is refused is not kept', 'src/learner/learner.ts', [
    'rejected.length > 0 ? keepRejected(rejected) : undefined;',
    'rejected.length < 0 ? keepRejected(rejected) : undefined;',
  ]),
  {
    ...mutation('nobody waits until what is refused is kept', 'src/learner/learner.ts', [
      '    await kept;\n',
      '    kept?.catch(() => undefined);\n',
    ]),
    escapes: 'it leaves before the batch, on the same connection',
  },
  // Ids.
  mutation('an event that comes again is learned again', 'src/learner/duplicates.ts', [
    'if (before !== undefined && before >= oldest) return true;',
    '',
  ]),
  mutation('an id is not known within its batch', 'src/learner/duplicates.ts', [
    'return here >= 0 && this.#addedBefore + here >= oldest;',
    'return false;',
  ]),
  mutation('an id is remembered for ever', 'src/learner/duplicates.ts', [
    'this.#addedBefore + this.#count - this.#idsMax;',
    'Number.NEGATIVE_INFINITY;',
  ]),
  mutation('ids are not stored in versions', 'src/shard/recent-ids.ts', [
    'if (added === 0) return {};',
    'if (added >= 0) return {};',
  ]),
  mutation('ids of a version are not loaded', 'src/shard/recent-ids.ts', [
    'recentIds.set(pairs);\n',
    'if (pairs.length > 0) return;\n',
  ]),
  mutation('a learner does not see what another one is about to learn', 'src/shard/recent-ids.ts', [
    'return owner === learner;',
    'return true;',
  ]),
  // Cuts and versions.
  ...guarded(
    'a cut does not hold back a fast learner',
    'src/shard/cut.ts',
    ['this.#held.push(work);', 'work();'],
    { by: 'shards at different marks make no version', without: marksNotCompared },
  ),
  ...guarded(
    'a cut is taken at the first marker',
    'src/shard/cut.ts',
    ['this.#arrived.size < this.#learners', 'this.#arrived.size < 1'],
    { by: 'shards at different marks make no version', without: marksNotCompared },
  ),
  { ...marksNotCompared, name: 'shards at different marks make a version' },
  mutation('a late marker of an earlier life counts', 'src/shard/shard-service.ts', [
    'this.#shard.admit(who);\n    this.#barrier.marker',
    'this.#barrier.marker',
  ]),
  mutation('no copy on write under a cut', 'src/shard/shard.ts', [
    '(row) => this.#frozen?.pages.keep(row),',
    '() => undefined,',
  ]),
  mutation('a version lacks rows that were touched', 'src/shard/staging.ts', [
    '    touch(memory, row);\n',
    '',
  ]),
  ...guarded(
    'a file of rows is used whose own checksum is wrong',
    'src/checkpoint/shard-file.ts',
    ['if (!computed.equals(digest)) return damaged(checksumWrong);', ''],
    {
      by: 'its manifest has the checksum too',
      without: mutation("the manifest's checksum is not compared", 'src/checkpoint/version-parts.ts', [
        "if (sha256 !== entry.sha256) return refuse(differs('checksum', sha256, entry.sha256));",
        '',
      ]),
    },
  ),
  ...guarded(
    'an owner before may write',
    'src/checkpoint/ownership.ts',
    ['if (newest === owner) return;', 'if (newest >= owner) return;'],
    {
      by: 'its pointer has a name that nobody reads',
      without: mutation('there is one pointer for all', 'src/checkpoint/ownership.ts', [
        'owner === 0 ? pointerFile',
        'owner >= 0 ? pointerFile',
      ]),
    },
  ),
  // Epochs.
  mutation('actors of all epochs hear each other', 'src/protocol/subjects.ts', [
    "at('shard', model, epoch, shard, verb)",
    "at('shard', model, 0 * epoch, shard, verb)",
  ]),
  mutation('a rollback that goes on learns what it left out', 'src/server/begin-epoch.ts', [
    'const marks = kept.map((mark) => Math.max(mark, skipTo));',
    'const marks = kept;',
  ]),
  mutation('a rollback that relearns does not go back', 'src/server/begin-epoch.ts', [
    'kept.map((mark) => Math.max(mark, skipTo));',
    "kept.map((mark) => Math.max(mark, to.mode === 'relearn' ? stream.lastSeq : skipTo));",
  ]),
  mutation('a start forgets what a rollback left out', 'src/server/begin-epoch.ts', [
    'const skipTo = pointer?.skipTo ?? 0;',
    'const skipTo = 0 * (pointer?.skipTo ?? 0);',
  ]),
  mutation('a start forgets what is passed over', 'src/topology.ts', [
    'exclusions: entry.exclusions',
    'exclusions: []',
  ]),
  mutation('an epoch on the same memory keeps the ends of batches', 'src/server/model-epoch.ts', [
    'ledger.committedTo.fill(0);',
    '',
  ]),
  // Replicas.
  mutation('deltas claim a sequence early', 'src/shard/delta-feed.ts', [
    'if (!shard.hasDelta) this.#seq = shard.seq;\n    return',
    'this.#seq = shard.seq;\n    return',
  ]),
  mutation('a lost delta is not noticed', 'src/replica/replica.ts', [
    'source === feed.source && (number <= feed.number || (number === feed.number + 1 && keys.length > 0));',
    'source === feed.source && (number <= feed.number || keys.length >= 0);',
  ]),
  mutation("deltas of a shard's next life are taken as the last one's", 'src/replica/replica.ts', [
    'source === feed.source && (number',
    "source !== '' && (number",
  ]),
  {
    ...mutation('a snapshot passes over the deltas that came meanwhile', 'src/replica/replica.ts', [
      'for (const delta of feed.kept.splice(0)) {',
      'for (const delta of feed.kept.splice(0, 0)) {',
    ]),
    escapes: 'it needs a table of more than one piece (replica/replica.test.ts has it)',
  },
  mutation(
    'a replica is served before it is whole',
    'src/replica/serving.ts',
    [
      'if (this.#next?.replica.whole) this.#swap(this.#next, end);',
      'if (this.#next !== undefined) this.#swap(this.#next, end);',
    ],
    ['await this.#next?.whole();\n', ''],
  ),
  mutation('a predictor is told of a new state once', 'src/server/tell-actors.ts', [
    'if (performance.now() > untilMs) {',
    'if (performance.now() > untilMs) return;\n      if (performance.now() < 0) {',
  ]),
];
