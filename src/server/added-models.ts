/** Models that were added while the server ran: one JSON file each, so that they are there again at the next start. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { validateModel } from '../../config/load.ts';
import type { Config, ModelConfig } from '../../config/schema.ts';
import { messageOf, SetupError } from '../base/errors.ts';

export class AddedModels {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(config: Config): Promise<Map<string, ModelConfig>> {
    await mkdir(this.#folder, { recursive: true });
    const models = new Map<string, ModelConfig>();
    for (const file of (await readdir(this.#folder)).filter((name) => name.endsWith('.json')).sort()) {
      const path = join(this.#folder, file);
      const name = file.slice(0, -'.json'.length);
      if (Object.hasOwn(config.models, name)) {
        throw new SetupError(`model ${name} is in the config file and in ${path}; remove one of them`);
      }
      try {
        models.set(name, validateModel(name, JSON.parse(await readFile(path, 'utf8'))));
      } catch (error) {
        throw new SetupError(`${path}: ${messageOf(error)}`, { cause: error });
      }
    }
    return models;
  }

  async save(name: string, model: ModelConfig): Promise<void> {
    const path = join(this.#folder, `${name}.json`);
    await writeFile(`${path}.new`, `${JSON.stringify(model, null, 2)}\n`, { flush: true });
    await rename(`${path}.new`, path);
  }

  /** False when the model was not one that was added. */
  async remove(name: string): Promise<boolean> {
    const path = join(this.#folder, `${name}.json`);
    const known = await readFile(path).then(
      () => true,
      () => false,
    );
    await rm(path, { force: true });
    return known;
  }
}
