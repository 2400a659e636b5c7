/** Puts a status together from what the hosts know, what the monitor has gathered, and what the supervisor sees. */
import { doublesOf } from '../base/bytes.ts';
import { MillraceError } from '../base/errors.ts';
import type { VersionSizes } from '../checkpoint/store.ts';
import { modelDefinition } from '../model/definition.ts';
import { metricsView, totalsLength } from '../model/metrics.ts';
import { rowLayoutOf } from '../model/row-layout.ts';
import { unpackTotals } from '../model/stored-totals.ts';
import type { ModelViewData } from '../monitor/model-view.ts';
import type { StreamState } from '../nats/channel.ts';
import type { MetricsView, ModelStatus, Quantiles, VersionSummary } from '../protocol/messages.ts';
import type { ModelHost } from './model-host.ts';

const noQuantiles: Quantiles = { count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 };

export function modelStatus(
  host: ModelHost,
  view: ModelViewData | undefined,
  stream: StreamState | undefined,
): ModelStatus {
  const { config, served, reason } = host;
  const regression = host.regressions.current;
  const { stop } = host.learning;
  const definition = modelDefinition(config);
  const layout = rowLayoutOf(config);
  const metrics = (totals: Uint8Array | undefined): MetricsView =>
    metricsView(totals === undefined ? new Float64Array(totalsLength) : doublesOf(totals), definition);
  const seq = view?.seq ?? 0;
  const streamSeq = stream?.lastSeq ?? 0;
  return {
    model: host.model,
    phase: host.phase,
    ...(reason === undefined ? {} : { reason }),
    ...(regression === undefined ? {} : { regression }),
    ...(stop === undefined ? {} : { guard: stop }),
    task: config.task,
    family: config.family.name,
    optimizer: config.optimizer.name,
    epoch: served.epoch,
    version: served.version,
    learned: view?.learned ?? 0,
    rejected: view?.rejected ?? 0,
    excluded: view?.excluded ?? 0,
    duplicates: view?.duplicates ?? 0,
    saturated: host.saturated,
    missing: view?.missing ?? 0,
    gaps: view?.gaps ?? [],
    seq,
    streamSeq,
    lag: Math.max(0, streamSeq - seq),
    stream: {
      firstSeq: stream?.firstSeq ?? 0,
      messages: stream?.messages ?? 0,
      bytes: stream?.bytes ?? 0,
      bytesMax: stream?.bytesMax ?? config.limits.streamBytesMax,
    },
    eventsPerSecond: view?.eventsPerSecond ?? 0,
    metrics: { total: metrics(view?.totals), window: metrics(view?.windowTotals) },
    freshness: view?.freshness ?? noQuantiles,
    predictions: view?.predictions ?? { count: 0, failed: 0, shed: 0, latency: noQuantiles },
    kernels: view?.kernels ?? { mode: definition.kernel, executor: 'not reported yet' },
    parameters: { rows: layout.keyCount, rowWidth: layout.width, bytes: layout.keyCount * layout.width * 4 },
    actors: config.actors,
  };
}

export async function versionSummaries(
  host: ModelHost,
): Promise<{ versions: VersionSummary[]; damaged: { version: number; reason: string }[] }> {
  const { versions, damaged } = await host.store.list(host.model);
  const pointer = await host.store.readPointer(host.model);
  return { versions: versions.map((sizes) => summary(sizes, host, pointer?.version)), damaged };
}

/** Throws what the store says of a version that is missing or damaged. */
export async function versionSummary(host: ModelHost, version: number): Promise<VersionSummary> {
  const { versions, damaged } = await versionSummaries(host);
  const found = versions.find((summary) => summary.version === version);
  if (found !== undefined) return found;
  const broken = damaged.find((one) => one.version === version);
  throw broken === undefined
    ? new MillraceError('notFound', `model ${host.model} has no version ${version}`)
    : new MillraceError('conflict', `version ${version} of ${host.model} is damaged: ${broken.reason}`);
}

function summary(
  { manifest, bytes }: VersionSizes,
  host: ModelHost,
  current: number | undefined,
): VersionSummary {
  const { counts, totals } = unpackTotals(manifest.totals);
  return {
    version: manifest.version,
    parent: manifest.parent,
    createdAt: manifest.createdAt,
    reason: manifest.reason,
    seq: Math.min(...manifest.stream.marks),
    learned: counts.learned,
    bytes,
    ...(manifest.base === undefined ? {} : { base: manifest.base.version }),
    current: manifest.version === current,
    metrics: metricsView(totals, modelDefinition(host.config)),
  };
}
