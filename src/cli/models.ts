/** `millrace models`: which models a running server has. */
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { ModelInput } from '../../config/schema.ts';
import { messageOf } from '../base/errors.ts';
import { UsageError } from './failure.ts';
import { type ServerOptions, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';

interface AddOptions extends ServerOptions {
  readonly config?: string;
}

export function addModels(program: Command, terminal: Terminal): void {
  const group = program
    .command('models')
    .description('Add, remove, reset, clone and acknowledge models of a running server');
  const command = (name: string, description: string) =>
    withServerOptions(group.command(name)).description(description).argument('<model>', 'name of the model');
  const say = (options: ServerOptions, facts: object, sentence: string) =>
    options.json === true ? printJson(terminal, facts) : terminal.print(sentence);

  command('add', 'Add a model')
    .argument('[json]', 'its settings, such as \'{"task": "regression"}\'; the defaults when absent')
    .option('--config <file>', 'take the settings of the model of this name from a config file')
    .action(async (model: string, json: string | undefined, options: AddOptions) => {
      const config = settingsOf(model, json, options.config);
      const added = await withClient(options, (client) => client.addModel(model, config));
      say(options, added, `${model} is there; send it events with \`millrace learn ${model} FILE\``);
    });

  command('remove', 'Remove a model; its stream and versions stay unless --purge')
    .option('--purge', 'remove its stream and its versions too')
    .action(async (model: string, options: ServerOptions & { purge?: boolean }) => {
      const purge = options.purge === true;
      const { purged, untilRestart } = await withClient(options, (client) =>
        client.removeModel(model, { purge }),
      );
      const rest = purged ? 'with its stream and versions' : 'its stream and versions are kept';
      const back = untilRestart
        ? '; take it out of the config too, or it comes back with the next start'
        : '';
      say(options, { model, purged, untilRestart }, `${model} is removed, ${rest}${back}`);
    });

  command('acknowledge', 'Take a loss of the event log out of the status, once it has been read').action(
    async (model: string, options: ServerOptions) => {
      const { regression } = await withClient(options, (client) => client.acknowledge(model));
      const sentence =
        regression === undefined ? 'there is no loss to acknowledge' : `acknowledged: ${regression.detail}`;
      say(options, { model, regression }, sentence);
    },
  );

  command('reset', 'Forget what a model has learned; its settings and versions stay').action(
    async (model: string, options: ServerOptions) => {
      await withClient(options, (client) => client.resetModel(model));
      say(options, { model, reset: true }, `${model} begins anew; its versions are kept`);
    },
  );

  command('clone', 'Copy a model with what it has learned')
    .argument('<to>', 'name of the copy')
    .action(async (model: string, to: string, options: ServerOptions) => {
      await withClient(options, (client) => client.cloneModel(model, to));
      say(options, { model, clone: to }, `${to} is a copy of ${model} and learns from its own stream`);
    });
}

function settingsOf(model: string, json: string | undefined, file: string | undefined): ModelInput {
  if (json !== undefined && file !== undefined)
    throw new UsageError('give the settings or --config, not both');
  if (file !== undefined) {
    const { models } = loadConfig(file);
    const settings = models[model];
    if (settings !== undefined) return settings;
    throw new UsageError(
      `${file} has no model "${model}"; it has ${Object.keys(models).join(', ') || 'none'}`,
    );
  }
  try {
    return json === undefined ? {} : (JSON.parse(json) as ModelInput);
  } catch (error) {
    throw new UsageError(
      `the settings are not valid JSON (${messageOf(error)}); quote them: '{"task": "binary"}'`,
    );
  }
}
