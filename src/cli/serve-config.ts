/** The config that `serve` and `doctor` use: the named file, else millrace.json if it is there, else the defaults. */
import { existsSync } from 'node:fs';
import { loadConfig, parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';

export const usualConfig = 'millrace.json';

export interface ConfigChoice {
  readonly config?: string;
  readonly server?: string;
  readonly context?: string;
  readonly root?: string;
}

export function chosenConfig(choice: ConfigChoice): { config: Config; source: string } {
  const path = choice.config ?? (existsSync(usualConfig) ? usualConfig : undefined);
  const base = path === undefined ? parseConfig('{}', 'defaults') : loadConfig(path);
  const { context: _, ...nats } = base.nats;
  const target =
    choice.server !== undefined
      ? { ...nats, servers: choice.server.split(',') }
      : choice.context !== undefined
        ? { ...nats, servers: [], context: choice.context }
        : base.nats;
  const config = { ...base, nats: target, root: choice.root ?? base.root };
  return { config, source: path ?? 'the defaults' };
}
