/** What a process that died has left of its learners, as the next one reads it. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { boardFile, keepIn } from '../../src/learner/board-file.ts';
import { createBoardBuffer, WorkBoard } from '../../src/learner/work-board.ts';
import { DeathNotes } from '../../src/server/death-notes.ts';
import { type LogLine, recordingLogger } from '../support/running-server.ts';

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-notes-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'work');
}

const quiet = recordingLogger([]);
const boardIn = (file: string) => new WorkBoard(createBoardBuffer(), { keep: keepIn(file, quiet) });

t.test('death notes - a board is read as it was kept last, and gone when it was looked at', async (t) => {
  const folder = await folderOf(t);
  const notes = new DeathNotes(folder, 'm', 2);
  t.strictSame(await notes.boards(), [undefined, undefined], 'nothing yet, not even a folder');
  const board = boardIn(boardFile(folder, 'm', 1));
  board.reset(10, 20);
  board.done(11);
  board.takeUp(12);
  board.begin('learner.learning', 12, 3);
  const [none, kept] = await notes.boards();
  t.equal(none, undefined);
  t.match(kept, { place: { seq: 12, index: 3 }, doneTo: 11, takenTo: 12 });
  board.rest();
  t.equal((await notes.boards())[1]!.place, undefined, 'at rest nobody is to blame');
  board.begin('learner.learning', 25, 0);
  t.equal((await notes.boards())[1]!.place, undefined, 'of what is no suspect no step is kept');
  const searches = [null, { failures: 1, suspects: { from: 11, to: 12 }, place: { seq: 12, index: 3 } }];
  await notes.advance({ created: 'then', searches });
  t.strictSame(await notes.boards(), [undefined, undefined]);
  t.strictSame(await notes.searches(), { created: 'then', searches });
  await notes.remove();
  t.equal(await notes.searches(), undefined);
  t.strictSame(await readdir(folder), []);
});

t.test('death notes - what cannot be read is as if it were not there', async (t) => {
  const folder = await folderOf(t);
  const notes = new DeathNotes(folder, 'm', 1);
  await notes.advance({ created: 'then', searches: [null] });
  for (const text of ['', '{', '{"created":1}', '{"created":"then","searches":[{"failures":-1}]}']) {
    await writeFile(join(folder, 'm.json'), text);
    t.equal(await notes.searches(), undefined, text);
  }
  await writeFile(boardFile(folder, 'm', 0), 'short');
  t.strictSame(await notes.boards(), [undefined]);
});

t.test('a board file - that cannot be written is said once, and learning goes on', async (t) => {
  const folder = await folderOf(t);
  await new DeathNotes(folder, 'm', 1).advance({ created: 'then', searches: [] });
  const lines: LogLine[] = [];
  // A file stands where the folder would have to be.
  const keep = keepIn(join(folder, 'm.json', 'm-0.board'), recordingLogger(lines));
  const board = new WorkBoard(createBoardBuffer(), { keep });
  for (const seq of [1, 2, 3]) board.takeUp(seq);
  t.equal(board.takenTo, 3);
  t.match(lines, [{ level: 'warn', sentence: /not noted/ }]);
  t.equal(lines.length, 1);
});
