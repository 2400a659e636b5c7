/** `millrace stream`: how full a model's event stream is, and removing what nobody needs any more. */
import type { Command } from 'commander';
import { MillraceError } from '../base/errors.ts';
import type { ModelStatus } from '../protocol/messages.ts';
import { countFromOne, type ServerOptions, withClient, withServerOptions } from './options.ts';
import { printJson, type Terminal } from './terminal.ts';
import { bytesText, counted, pairsText } from './words.ts';

export function addStream(program: Command, terminal: Terminal): void {
  const group = program.command('stream').description("Look at a model's event stream, and make room in it");
  const command = (name: string, description: string) =>
    withServerOptions(group.command(name)).description(description).argument('<model>', 'name of the model');

  command('show', 'Show how full it is').action(async (model: string, options: ServerOptions) => {
    const { models } = await withClient(options, (client) => client.status());
    const found = models.find((one) => one.model === model);
    if (found === undefined) {
      const there = models.map((one) => one.model).join(', ') || 'none';
      throw new MillraceError('notFound', `there is no model "${model}"; there are: ${there}`);
    }
    if (options.json === true) printJson(terminal, { model, ...found.stream, lastSeq: found.streamSeq });
    else terminal.print(pairsText([['stream', streamText(found)]]));
  });

  command('purge', 'Remove the events that no kept version needs any more')
    .option('--below <sequence>', 'only those below it; refused when a version needs them', countFromOne)
    .action(async (model: string, options: ServerOptions & { below?: number }) => {
      const { below } = options;
      const done = await withClient(options, (client) =>
        client.purgeStream(model, below === undefined ? {} : { below }),
      );
      if (options.json === true) return printJson(terminal, done);
      terminal.print(
        done.removed === 0
          ? `nothing to remove: the stream of ${model} begins at ${done.firstSeq}, and is needed from ${done.below} on`
          : `${counted(done.removed, 'message')} below sequence ${done.below} removed; ${bytesText(done.bytes)} are left in the stream of ${model}`,
      );
    });
}

/** "1.2 MiB of 8.0 GiB (0.0 %), 311 messages from sequence 1 on". */
export function streamText({ stream: { bytes, bytesMax, messages, firstSeq } }: ModelStatus): string {
  const share = bytesMax > 0 ? ` of ${bytesText(bytesMax)} (${((100 * bytes) / bytesMax).toFixed(1)} %)` : '';
  return `${bytesText(bytes)}${share}, ${counted(messages, 'message')} from sequence ${firstSeq} on`;
}
