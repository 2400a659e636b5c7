/**
 * Goal: an epoch that could not begin has left nothing in the log, or those who work on the one before would find it
 * there and end for ever.
 * Method: a log of the test's own that gives no answer about the entry at the marks.
 */
import t from 'tap';
import { parseConfig } from '../../config/load.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { noFaults } from '../../src/base/fault-points.ts';
import type { CheckpointStore, Pointer } from '../../src/checkpoint/store.ts';
import type { EpochEntry } from '../../src/protocol/internal.ts';
import { type EpochPlace, rollbackEpoch } from '../../src/server/begin-epoch.ts';
import type { EpochLog } from '../../src/server/epoch-log.ts';
import { silent } from '../shard/fixture.ts';
import { MemoryChannel } from '../support/memory-channel.ts';

const stream = { firstSeq: 1, lastSeq: 4, messages: 4, bytes: 9, bytesMax: 99, created: '2026-11-02' };

t.test(
  'an epoch - when the log does not answer, nothing is written and the pointer is put back',
  async (t) => {
    const appended: EpochEntry[] = [];
    const pointers: Pointer[] = [];
    let asked = 0;
    const epochs: Partial<EpochLog> = {
      ensureStream: async () => stream,
      entryFrom: async ({ reason, skipTo }) =>
        ({ kind: 'epoch', reason, base: 0, skipTo, leftOut: [], exclusions: [] }) as unknown as EpochEntry,
      // Where the pointer is to lead to it still says; then the connection is away.
      anchorAt: async () => {
        if (asked++ > 0) throw new MillraceError('deadline', 'no answer');
        return undefined;
      },
      append: async (entry) => appended.push(entry),
    };
    const store: Partial<CheckpointStore> = {
      readPointer: async () => ({ version: 3 }),
      writePointer: async (_model, pointer) => void pointers.push(pointer),
    };
    const config = parseConfig('{"models":{"m":{}}}', 'the test').models.m!;
    const place: EpochPlace = {
      model: 'm',
      config,
      streamName: 'millrace_m',
      channel: new MemoryChannel(),
      store: store as CheckpointStore,
      log: silent,
      faults: noFaults,
      epochs: epochs as EpochLog,
      paused: false,
    };
    const served = { epoch: 1, version: 3, leftOut: [] };
    const to = { stored: undefined, mode: 'continue', reason: 'rollback', served } as const;
    await t.rejects(rollbackEpoch(place, to), { message: 'no answer' });
    t.strictSame(appended, []);
    t.strictSame(pointers, [{ version: 0, skipTo: 4 }, { version: 3 }]);
  },
);
