/** `millrace doctor`: looks at everything that a start needs and says what is wrong and how to mend it. */
import type { Command } from 'commander';
import { exitCodes, SilentFailure } from './failure.ts';
import type { Finding } from './findings.ts';
import { type ServerOptions, withServerOptions } from './options.ts';
import { chosenConfig, usualConfig } from './serve-config.ts';
import { styles } from './styles.ts';
import { printJson, type Terminal } from './terminal.ts';

interface DoctorOptions extends ServerOptions {
  readonly config?: string;
}

const marks: Readonly<Record<Finding['state'], string>> = {
  ok: styles.green('ok  '),
  note: styles.yellow('note'),
  bad: styles.red('bad '),
};

export function addDoctor(program: Command, terminal: Terminal): void {
  withServerOptions(
    program.command('doctor'),
    'NATS server to look at, instead of the one that the config says',
  )
    .description('Look at Node, NATS, the kernels and the data folder')
    .option('--config <file>', `config file (else ${usualConfig} if it is there, else the defaults)`)
    .action(async (options: DoctorOptions) => {
      const { config, source } = chosenConfig(options);
      // Loaded here alone: the kernels take as long to load as everything else together.
      const { findings } = await import('./findings.ts');
      const found: Finding[] = [{ check: 'config', state: 'ok', text: source }];
      for await (const finding of findings(config, terminal.environment)) found.push(finding);
      if (options.json === true) printJson(terminal, found);
      else
        terminal.print(
          found.map(({ check, state, text }) => `${marks[state]}  ${check.padEnd(13)}  ${text}`).join('\n'),
        );
      if (found.some((finding) => finding.state === 'bad')) throw new SilentFailure(exitCodes.failed);
    });
}
