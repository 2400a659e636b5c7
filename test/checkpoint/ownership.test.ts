/** Two processes that both believe they own a model's versions: only what the last one writes counts. */
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Disk, nodeDisk } from '../../src/checkpoint/disk.ts';
import { openFileStore } from '../../src/checkpoint/file-store.ts';
import { encodePointer } from '../../src/checkpoint/manifest.ts';
import type { CheckpointStore } from '../../src/checkpoint/store.ts';
import { sampleFacts, sampleImages } from '../checks/checkpoint-store.ts';

const { model } = sampleFacts;
const [image] = sampleImages;
const now = () => 0;
const conflict = { kind: 'conflict', message: /belong to another process now/ };

async function makeVersion(store: CheckpointStore): Promise<number> {
  const writer = await store.begin(model);
  for (const part of sampleImages) await writer.addShard(part);
  const { version } = await writer.commit(sampleFacts);
  return version;
}

t.test('ownership - whatever the owner before does is refused, step by step', async (t) => {
  const folder = t.testdir();
  const [first, second] = [openFileStore({ folder, now }), openFileStore({ folder, now })];
  const number = await first.takeOver(model);
  const version = await makeVersion(first);
  await first.writePointer(model, { version, skipTo: 7 });
  const unfinished = await first.begin(model);
  await unfinished.addShard(image!);

  t.equal(await second.takeOver(model), number + 1);
  t.same(await second.readPointer(model), { version, skipTo: 7 }, 'the pointer goes along');
  await t.rejects(unfinished.addShard(image!), 'a version that was being written has no folder any more');
  await t.rejects(first.begin(model), conflict);
  await t.rejects(first.writePointer(model, { version: 0 }), conflict);
  await t.rejects(first.prune(model, { keep: 1 }), conflict);
  await t.rejects(first.remove(model), conflict);
  const thread = openFileStore({ folder, now, owner: { model, number } });
  await t.rejects(thread.begin(model), conflict, 'nor may another thread in its name');
  t.same(await second.readPointer(model), { version, skipTo: 7 });
  t.same(
    (await second.list(model)).versions.map(({ manifest }) => manifest.version),
    [version],
  );

  const later = await makeVersion(openFileStore({ folder, now, owner: { model, number: number + 1 } }));
  await second.writePointer(model, { version: later });
  t.same(await first.readPointer(model), { version: later }, 'all read the pointer of the last owner');
});

/** Goal: an owner stopped between its look and the step that follows. Method: another takes over inside that step. */
async function takenOverInside(t: Test, isStep: (path: string) => boolean) {
  const folder = t.testdir();
  const second = openFileStore({ folder, now });
  let taken = false;
  const disk: Disk = {
    ...nodeDisk,
    async rename(from, to) {
      if (!taken && isStep(to)) {
        taken = true;
        await second.takeOver(model);
      }
      await nodeDisk.rename(from, to);
    },
  };
  const first = openFileStore({ folder, now, disk });
  await first.takeOver(model);
  return { first, second, folder, wasTaken: () => taken };
}

t.test('ownership - a pointer that was about to be moved is not moved', async (t) => {
  const { first, second, wasTaken } = await takenOverInside(t, (path) => /CURRENT-/.test(path));
  const version = await makeVersion(first);
  await first.writePointer(model, { version }).catch(() => undefined);
  t.ok(wasTaken());
  t.equal(await second.readPointer(model), undefined, 'the new owner read no pointer, and there is none');
  await second.writePointer(model, { version: 0 });
  t.same(await first.readPointer(model), { version: 0 });
});

t.test('ownership - a version that was about to exist does not', async (t) => {
  const { first, second, wasTaken } = await takenOverInside(t, (path) => path.endsWith('manifest.json'));
  await t.rejects(makeVersion(first));
  t.ok(wasTaken());
  t.same((await second.list(model)).versions, []);
});

t.test('ownership - the late pointer of an owner before is never read', async (t) => {
  const folder = t.testdir();
  const store = openFileStore({ folder, now });
  for (let owner = 1; owner <= 2; owner++) {
    await store.takeOver(model);
    await store.writePointer(model, { version: 0, skipTo: owner });
  }
  await writeFile(join(folder, model, 'CURRENT-0000000001'), encodePointer({ version: 0, skipTo: 99 }));
  t.same(await store.readPointer(model), { version: 0, skipTo: 2 });
  await store.takeOver(model);
  t.same((await readdir(join(folder, model))).sort(), ['CURRENT-0000000003', 'OWNER-0000000003']);
});

t.test('ownership - a pointer without a number is that of an earlier Millrace', async (t) => {
  const folder = t.testdir();
  await mkdir(join(folder, model));
  await writeFile(join(folder, model, 'CURRENT'), encodePointer({ version: 0, skipTo: 5 }));
  const store = openFileStore({ folder, now });
  t.same(await store.readPointer(model), { version: 0, skipTo: 5 });
  t.equal(await store.takeOver(model), 1);
  t.same(await store.readPointer(model), { version: 0, skipTo: 5 });
  t.same((await readdir(join(folder, model))).sort(), ['CURRENT-0000000001', 'OWNER-0000000001']);
  await rename(join(folder, model, 'CURRENT-0000000001'), join(folder, model, 'CURRENT'));
  t.equal(await store.takeOver(model), 2, 'numbers grow, whatever became of the pointer');
});
