/** `millrace serve`: the server, in the foreground, until it is told to stop. */
import type { Command } from 'commander';
import type { Config } from '../../config/schema.ts';
import { faultSettingsOf } from '../runtime/armed-faults.ts';
import type { Standby } from '../server/standby.ts';
import type { RunningServer } from '../server.ts';
import { exitCodes, SilentFailure } from './failure.ts';
import { columnList, type ServerOptions, withServerOptions } from './options.ts';
import { chosenConfig, usualConfig } from './serve-config.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';

interface ServeOptions extends ServerOptions {
  readonly config?: string;
  readonly relearn?: readonly string[];
  readonly standby?: boolean;
}

export function addServe(program: Command, terminal: Terminal): void {
  withServerOptions(
    program.command('serve'),
    'NATS server to use (else what the config says, else one of its own is started)',
  )
    .description('Run the server, with a NATS server of its own unless one is named')
    .option('--config <file>', `config file (else ${usualConfig} if it is there, else the defaults)`)
    .option('--relearn <models>', 'learn these again from the beginning of their streams', columnList)
    .option('--standby', 'wait while another server owns the models, and take over when it is gone')
    .action(async (options: ServeOptions) => {
      const { config, source } = chosenConfig(options);
      // Loaded here alone: no other command needs the server's threads and kernels.
      const { startServer } = await import('../server.ts');
      const stopAsked = firstSignal();
      const standby = options.standby === true ? standbyUntil(stopAsked, options, terminal) : undefined;
      const relearn = options.relearn ?? [];
      const server = await startServer(config, {
        relearn,
        standby,
        faults: faultSettingsOf(terminal.environment),
      }).catch((error) => {
        if (standby?.signal.aborted === true) return undefined;
        throw error;
      });
      if (server === undefined) return;
      if (options.json === true) printJson(terminal, { url: server.url, models: Object.keys(config.models) });
      else terminal.print(banner(server, config, source));
      await untilStopped(server, stopAsked);
    });
}

function standbyUntil(stopAsked: Promise<void>, { json }: ServeOptions, terminal: Terminal): Standby {
  const ended = new AbortController();
  void stopAsked.then(() => ended.abort());
  return {
    signal: ended.signal,
    waiting() {
      if (json === true) printJson(terminal, { standby: true });
      else terminal.print('Standing by: the models have an owner. This server takes over when it is gone.');
    },
  };
}

/** The first SIGINT or SIGTERM is a request; the second one ends the process where it stands. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(exitCodes.failed);
      asked = true;
      resolve();
    };
    process.on('SIGINT', ask);
    process.on('SIGTERM', ask);
  });
}

async function untilStopped(server: RunningServer, stopAsked: Promise<void>): Promise<void> {
  const ending = await Promise.race([
    stopAsked.then(() => 'asked' as const),
    server.closed.then(() => 'closed' as const),
  ]);
  if (ending === 'asked') await server.stop();
  else throw new SilentFailure(exitCodes.failed);
}

function banner(server: RunningServer, config: Config, source: string): string {
  const names = Object.keys(config.models);
  const other = server.url === 'nats://127.0.0.1:4222' ? '' : ` --server ${server.url}`;
  const first = names[0];
  const hints =
    first === undefined
      ? [`millrace models add NAME${other}`]
      : [
          `millrace learn ${first} FILE${other}`,
          `millrace predict ${first} '{"feature": 1}'${other}`,
          `millrace status --watch${other}`,
        ];
  return [
    `${styles.bold('millrace')} serves ${names.length === 0 ? 'no models yet' : names.join(', ')} at ${server.url} (config: ${source})`,
    ...hints.map((hint) => `  ${styles.dim(hint)}`),
    styles.dim('Ctrl-C stops it.'),
  ].join('\n');
}
