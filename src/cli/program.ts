/** The whole command line. Each command is in a file of its own and adds itself here. */
import { Command } from 'commander';
import { codeVersion } from '../version.ts';
import { addActors } from './actors.ts';
import { addAuth } from './auth.ts';
import { addBacktest } from './backtest.ts';
import { addCheckpoints } from './checkpoints.ts';
import { addConfig } from './config.ts';
import { addDoctor } from './doctor.ts';
import { addExplain } from './explain.ts';
import { addExport } from './export.ts';
import { addImport } from './import.ts';
import { addInit } from './init.ts';
import { addLearn } from './learn.ts';
import { addModels } from './models.ts';
import { addPredict } from './predict.ts';
import { addRank } from './rank.ts';
import { addRejected } from './rejected.ts';
import { addReplay } from './replay.ts';
import { addServe } from './serve.ts';
import { addStatus } from './status.ts';
import { addStream } from './stream.ts';
import type { Terminal } from './terminal.ts';
import { addWeights } from './weights.ts';

const epilogue = `
Exit codes: 0 done, 1 failed, 2 bad input, command line or config, 3 no server to be reached.
MILLRACE_DEBUG=1 adds stack traces to errors.`;

export function programOf(terminal: Terminal): Command {
  const program = new Command('millrace')
    .description('A real-time machine-learning server for NATS')
    .version(codeVersion)
    // Options behind a command are the command's: one of them is --version too.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/\.\s*$/, '; see `millrace --help`')),
    })
    .showSuggestionAfterError(true)
    .addHelpText('after', epilogue);
  const add = [
    addInit,
    addServe,
    addPredict,
    addExplain,
    addWeights,
    addRank,
    addLearn,
    addBacktest,
    addImport,
    addStatus,
    addCheckpoints,
    addExport,
    addStream,
    addRejected,
    addReplay,
    addModels,
    addActors,
    addConfig,
    addAuth,
    addDoctor,
  ];
  for (const addTo of add) addTo(program, terminal);
  return program;
}
