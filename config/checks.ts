/** What a schema cannot say: settings that are each right and do not go together. */
import { aggregateProblems } from './aggregate-checks.ts';
import { classProblems } from './class-checks.ts';
import { familyProblems } from './family-checks.ts';
import { type LossName, lossesOfTask, lossName } from './loss-schema.ts';
import { actorsUser } from './nats-schema.ts';
import { optimizerProblems } from './optimizer-checks.ts';
import { type Problem, type SettingPath, wrongValue } from './problem.ts';
import { rankProblems } from './rank-checks.ts';
import type { Config, ModelConfig } from './schema.ts';

export function crossChecks(config: Config): Problem[] {
  const models = Object.entries(config.models);
  return [
    ...natsProblems(config),
    ...supervisorProblems(config),
    ...models.flatMap(([name, model]) => modelProblems(['models', name], model)),
  ];
}

/** Its stream would be the one that keeps rejected events (src/protocol/subjects.ts). */
const takenName = 'rejected';

/** Threads that a configuration asks for: the actors of every model with its checkpointer, and one monitor. */
export function threadsOf(models: Config['models']): number {
  const perModel = Object.values(models).map(
    ({ actors }) => actors.shards + actors.learners + actors.predictors + 1,
  );
  return perModel.reduce((sum, threads) => sum + threads, 1);
}

function natsProblems({ nats }: Config): Problem[] {
  const problems: Problem[] = [];
  if (nats.servers.length > 0 && nats.context !== undefined) {
    problems.push(
      wrongValue(['nats', 'context'], 'expected either nats.servers or nats.context, got both; remove one'),
    );
  }
  if (nats.password !== undefined && nats.user === undefined && nats.context === undefined) {
    problems.push(
      wrongValue(['nats', 'password'], 'expected nats.user beside it, got a password alone; add the user'),
    );
  }
  const ways = (['user', 'token', 'credentials', 'nkey'] as const).filter((key) => nats[key] !== undefined);
  if (ways.length > 1) {
    const got = ways.map((key) => `nats.${key}`).join(' and ');
    problems.push(wrongValue(['nats', ways[1]!], `expected one way to sign in, got ${got}; keep one`));
  }
  const { cert, key } = nats.tls;
  if ((cert === undefined) !== (key === undefined)) {
    const [got, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const sentence = `expected nats.tls.${missing} beside it, got it alone; add the path`;
    problems.push(wrongValue(['nats', 'tls', got], sentence));
  }
  return [...problems, ...userProblems(nats)];
}

/** Of the embedded server's users: each once, none with our own name, none that nobody would start. */
function userProblems({ servers, context, embedded: { users } }: Config['nats']): Problem[] {
  const path = ['nats', 'embedded', 'users'];
  if (users.length > 0 && (servers.length > 0 || context !== undefined)) {
    const sentence =
      'expected users of the embedded server only where one is started, got nats.servers or nats.context too';
    return [wrongValue(path, `${sentence}; write them into the configuration of that server`)];
  }
  return users.flatMap(({ user }, index) => {
    const isTwice = users.findIndex((other) => other.user === user) < index;
    if (!isTwice && user !== actorsUser) return [];
    const why = isTwice ? 'each user once' : 'another name than that of Millrace itself';
    return [wrongValue([...path, index, 'user'], `expected ${why}, got "${user}"`)];
  });
}

function supervisorProblems({ supervisor, models }: Config): Problem[] {
  const problems: Problem[] = [];
  const path = (key: keyof Config['supervisor']) => ['supervisor', key];
  const threads = threadsOf(models);
  if (threads > supervisor.actorsMax) {
    const mend = 'raise it or start fewer actors';
    problems.push(
      wrongValue(
        path('actorsMax'),
        `expected at least the ${threads} threads of the models, got ${supervisor.actorsMax}; ${mend}`,
      ),
    );
  }
  if (supervisor.heartbeatTimeoutMs <= supervisor.heartbeatMs) {
    const { heartbeatMs, heartbeatTimeoutMs } = supervisor;
    problems.push(
      wrongValue(
        path('heartbeatTimeoutMs'),
        `expected more than heartbeatMs (${heartbeatMs}), got ${heartbeatTimeoutMs}`,
      ),
    );
  }
  if (supervisor.backoffMaxMs < supervisor.backoffMs) {
    const { backoffMs, backoffMaxMs } = supervisor;
    problems.push(
      wrongValue(path('backoffMaxMs'), `expected at least backoffMs (${backoffMs}), got ${backoffMaxMs}`),
    );
  }
  return problems;
}

function modelProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const problems = interactionProblems([...path, 'features', 'interactions'], model.features.interactions);
  const fitting: readonly LossName[] = lossesOfTask[model.task];
  if (model.loss !== undefined && !fitting.includes(lossName(model.loss))) {
    const [last, ...others] = fitting.map((name) => `"${name}"`).reverse();
    const sentence = `expected ${others.reverse().join(', ')} or ${last} for task "${model.task}", got "${lossName(model.loss)}"`;
    problems.push(wrongValue([...path, 'loss'], sentence));
  }
  problems.push(...classProblems(path, model), ...familyProblems(path, model));
  if (path.at(-1) === takenName) {
    problems.push(wrongValue(path, `expected another name: the stream of rejected events has this one`));
  }
  const { partitions, actors } = model;
  if (actors.learners > partitions) {
    const sentence = `expected at most the ${partitions} partitions of the model, got ${actors.learners}`;
    problems.push(wrongValue([...path, 'actors', 'learners'], sentence));
  }
  problems.push(...guardProblems([...path, 'guard'], model), ...aggregateProblems(path, model));
  if (model.features.exactIds !== undefined && actors.learners > 1) {
    const sentence = `expected 1 with features.exactIds, whose places only one learner can give away, got ${actors.learners}`;
    problems.push(wrongValue([...path, 'actors', 'learners'], sentence));
  }
  problems.push(...optimizerProblems(path, model));
  problems.push(...labelProblems(path, model), ...rankProblems(path, model));
  return problems;
}

/** A label is scaled where a prediction is scaled back by the same line, and by one learner, in whose order it is known. */
function labelProblems(path: SettingPath, model: ModelConfig): Problem[] {
  const { task, loss, features, actors } = model;
  if (features.standardizeLabel !== true) return [];
  const here = [...path, 'features', 'standardizeLabel'];
  if (task !== 'regression') return [wrongValue(here, `expected false with task "${task}", got true`)];
  if (loss === 'poisson') return [wrongValue(here, 'expected false with loss "poisson", got true')];
  const bound = (['predictionMin', 'predictionMax'] as const).find((key) => model[key] !== undefined);
  if (bound !== undefined) {
    const sentence = `expected none with features.standardizeLabel, whose raw scores are not in units of the label, got ${model[bound]}`;
    return [wrongValue([...path, bound], `${sentence}; remove one of them`)];
  }
  if (actors.learners === 1) return [];
  const sentence = `expected 1 with features.standardizeLabel, got ${actors.learners}`;
  return [wrongValue([...path, 'actors', 'learners'], sentence)];
}

function guardProblems(path: SettingPath, { task, guard }: ModelConfig): Problem[] {
  const { baseRateMin, baseRateMax } = guard;
  const outside = (['baseRateMin', 'baseRateMax'] as const).filter(
    (key) => task === 'binary' && guard[key] !== undefined && !(guard[key] >= 0 && guard[key] <= 1),
  );
  const problems = outside.map((key) =>
    wrongValue([...path, key], `expected 0 to 1 for task "binary", got ${guard[key]}`),
  );
  if (baseRateMin !== undefined && baseRateMax !== undefined && baseRateMin >= baseRateMax) {
    problems.push(
      wrongValue(
        [...path, 'baseRateMin'],
        `expected less than baseRateMax (${baseRateMax}), got ${baseRateMin}`,
      ),
    );
  }
  return problems;
}

/** A cross of the same parts in another order is the same cross. */
function interactionProblems(path: SettingPath, interactions: readonly (readonly string[])[]): Problem[] {
  const problems: Problem[] = [];
  const firstAt = new Map<string, number>();
  for (const [index, parts] of interactions.entries()) {
    const here = [...path, index];
    const key = JSON.stringify([...parts].sort());
    const first = firstAt.get(key);
    if (first === undefined) firstAt.set(key, index);
    else
      problems.push(wrongValue(here, `expected each cross once, got that of interactions[${first}] again`));
  }
  return problems;
}
