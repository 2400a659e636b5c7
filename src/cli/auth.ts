/** `millrace auth`: what each role may do on a NATS server, and the server's configuration that says so. */
import type { Command } from 'commander';
import { namePattern } from '../../config/names.ts';
import { roleTable } from '../auth/table.ts';
import { authTemplate, templateUsers } from '../auth/template.ts';
import { UsageError } from './failure.ts';
import { columnList } from './options.ts';
import { chosenConfig, usualConfig } from './serve-config.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';
import { tableText } from './words.ts';

interface AuthOptions {
  readonly config?: string;
  readonly root?: string;
  readonly model?: readonly string[];
  readonly json?: boolean;
}

const example = `
Example:
  millrace auth template --model clicks > millrace-auth.conf
  echo 'include "millrace-auth.conf"' >> nats-server.conf`;

export function addAuth(program: Command, terminal: Terminal): void {
  const group = program.command('auth').description('Roles on a NATS server: who may do what');

  withModels(group.command('template'))
    .description('Write accounts, users and permissions for a nats-server, least privilege for each role')
    .addHelpText('after', example)
    .action((options: AuthOptions) => {
      const scope = scopeOf(options);
      if (options.json === true) printJson(terminal, templateUsers(scope));
      else terminal.print(authTemplate(scope).trimEnd());
    });

  withModels(group.command('roles'))
    .description('Show what each role may do, by the permissions of the template')
    .action((options: AuthOptions) => {
      const { root, models } = scopeOf(options);
      const table = roleTable(root, models[0]!, models[1] ?? 'another');
      if (options.json === true) return printJson(terminal, rowsOf(table));
      const rows = table.rows.map(({ attempt, allowed }) => [
        attempt.verb,
        ...allowed.map((may) => (may ? styles.green('yes') : '-')),
      ]);
      terminal.print(tableText([`of model ${models[0]}`, ...table.users.map(({ role }) => role)], rows));
    });
}

const withModels = (command: Command): Command =>
  command
    .option('--model <names>', 'models, separated by commas (else those of the config)', columnList)
    .option('--config <file>', `config file (else ${usualConfig} if it is there)`)
    .option('--root <name>', "first token of the subjects, as in the server's config")
    .option('--json', 'write JSON for programs');

function scopeOf(options: AuthOptions): { root: string; models: readonly string[] } {
  const { config } = chosenConfig(options);
  const models = [...new Set(options.model ?? Object.keys(config.models))];
  for (const name of [config.root, ...models]) {
    if (!namePattern.test(name))
      throw new UsageError(`"${name}" is no name; expected 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  if (models.length === 0) throw new UsageError('name the models with --model, or a config that has some');
  return { root: config.root, models };
}

const rowsOf = ({ users, rows }: ReturnType<typeof roleTable>): object[] =>
  rows.map(({ attempt, allowed }) => ({
    ...attempt,
    allowed: users.filter((_, at) => allowed[at]).map(({ role }) => role),
  }));
