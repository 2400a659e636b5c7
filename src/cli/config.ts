/** `millrace config`: checks a file, and explains every setting. */
import type { Command } from 'commander';
import { explain, type SettingRow } from '../../config/describe.ts';
import { loadConfig } from '../../config/load.ts';
import type { Secret } from '../../config/nats-schema.ts';
import type { Config } from '../../config/schema.ts';
import { redactedUrl } from '../base/redacted-url.ts';
import { UsageError } from './failure.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { counted } from './words.ts';

interface JsonOption {
  readonly json?: boolean;
}

export function addConfig(program: Command, terminal: Terminal): void {
  const group = program.command('config').description('Check a config file, or explain the settings');

  group
    .command('check')
    .description('Say what is wrong with a config file, or that nothing is')
    .argument('<file>', 'JSON, comments allowed')
    .option('--json', 'write the settings with all defaults as JSON')
    .action((file: string, options: JsonOption) => {
      const config = loadConfig(file);
      if (options.json === true) return printJson(terminal, withoutSecrets(config));
      const models = Object.entries(config.models).map(
        ([name, { task, optimizer }]) => `${name} (${task}, ${optimizer.name})`,
      );
      const which = models.length === 0 ? '' : `: ${models.join(', ')}`;
      terminal.print(`${file} is right; ${counted(models.length, 'model')}${which}`);
    });

  group
    .command('explain')
    .description('Show settings with their bounds and defaults')
    .argument('[path]', 'only these, such as models.NAME.features or nats', '')
    .option('--json', 'write JSON for programs')
    .action((path: string, options: JsonOption) => {
      const rows = explain(path);
      if (rows.length === 0)
        throw new UsageError(`there is no setting ${path}; \`millrace config explain\` shows all`);
      if (options.json === true) printJson(terminal, rows);
      else terminal.print(rows.map(settingText).join('\n'));
    });
}

const hidden = '(not shown)';

/** Where a secret comes from may be shown; one that stands in the file may not. */
function withoutSecrets(config: Config): object {
  const { nats } = config;
  const shown = (secret: Secret | undefined) => (typeof secret === 'string' ? hidden : secret);
  const users = nats.embedded.users.map((user) => ({ ...user, password: shown(user.password) }));
  return {
    ...config,
    nats: {
      ...nats,
      servers: nats.servers.map(redactedUrl),
      password: shown(nats.password),
      token: shown(nats.token),
      embedded: { ...nats.embedded, users },
    },
  };
}

function settingText({ path, variant, expected, default: byDefault, doc }: SettingRow): string {
  const where = variant === undefined ? styles.bold(path) : `${styles.bold(path)} (${variant})`;
  const value = byDefault === undefined ? expected : `${expected}; default ${byDefault}`;
  return `${where}\n    ${doc}\n    ${styles.dim(value)}`;
}
