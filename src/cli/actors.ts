/** `millrace pause`, `resume` and `restart`: the actors of a running server. */
import type { Command } from 'commander';
import { type ServerOptions, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';

export function addActors(program: Command, terminal: Terminal): void {
  const say = (options: ServerOptions, facts: object, sentence: string) =>
    options.json === true ? printJson(terminal, facts) : terminal.print(sentence);

  withServerOptions(program.command('pause'))
    .description('Stop learning; predictions go on and events wait in the stream')
    .argument('<model>', 'name of the model')
    .action(async (model: string, options: ServerOptions) => {
      await withClient(options, (client) => client.pause(model));
      say(options, { model, paused: true }, `${model} is paused; go on with \`millrace resume ${model}\``);
    });

  withServerOptions(program.command('resume'))
    .description('Learn again, from where it stopped')
    .argument('<model>', 'name of the model')
    .action(async (model: string, options: ServerOptions) => {
      await withClient(options, (client) => client.resume(model));
      say(options, { model, paused: false }, `${model} learns again`);
    });

  withServerOptions(program.command('restart'))
    .description('Restart one actor; nothing that it did is lost')
    .argument('<actor>', 'its name in the status, such as flights/learner/0')
    .action(async (actor: string, options: ServerOptions) => {
      await withClient(options, (client) => client.restartActor(actor));
      say(options, { actor, restarted: true }, `${actor} is restarted`);
    });
}
