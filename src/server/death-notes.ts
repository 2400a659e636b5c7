/**
 * What is known of learners whose whole process died: the boards that they kept (src/learner/board-file.ts), and how
 * far the search has come. A clean stop leaves nothing. In `folder`: MODEL-LEARNER.board and MODEL.json.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boardFile } from '../learner/board-file.ts';
import { boardBytes, WorkBoard } from '../learner/work-board.ts';
import type { SearchState } from './poison-search.ts';

const count = z.int().min(0);
const stateSchema: z.ZodType<SearchState> = z.object({
  failures: count,
  suspects: z.object({ from: count, to: count }),
  place: z.object({ seq: count, index: count.exactOptional() }).exactOptional(),
});
const searchesSchema = z.object({ created: z.string(), searches: z.array(stateSchema.nullable()) });

/** Of one stream, by the learner's number. */
export type Searches = z.output<typeof searchesSchema>;

export class DeathNotes {
  readonly #folder: string;
  readonly #model: string;
  readonly #learners: number;

  constructor(folder: string, model: string, learners: number) {
    this.#folder = folder;
    this.#model = model;
    this.#learners = learners;
  }

  /** What each learner was at; undefined of one that kept nothing. */
  boards(): Promise<(WorkBoard | undefined)[]> {
    return Promise.all(
      this.#files.map(async (file) => {
        const bytes = await readFile(file).catch(() => undefined);
        return bytes?.length === boardBytes ? new WorkBoard(Uint8Array.from(bytes).buffer) : undefined;
      }),
    );
  }

  /** Undefined when no search is known, or none that can be read. */
  async searches(): Promise<Searches | undefined> {
    const text = await readFile(this.#searchesFile, 'utf8').catch(() => 'null');
    try {
      return searchesSchema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  }

  /** The boards have been looked at. */
  async advance(searches: Searches): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#searchesFile, JSON.stringify(searches));
    await this.#removeBoards();
  }

  async remove(): Promise<void> {
    await this.#removeBoards();
    await rm(this.#searchesFile, { force: true });
  }

  async #removeBoards(): Promise<void> {
    await Promise.all(this.#files.map((file) => rm(file, { force: true })));
  }

  get #files(): string[] {
    return Array.from({ length: this.#learners }, (_, learner) =>
      boardFile(this.#folder, this.#model, learner),
    );
  }

  get #searchesFile(): string {
    return join(this.#folder, `${this.#model}.json`);
  }
}
