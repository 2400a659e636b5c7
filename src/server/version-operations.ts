/** What an operator can have done with the versions of one model besides going back to one. */
import { writeFile } from 'node:fs/promises';
import type { Quantization } from '../../edge/weights.ts';
import { MillraceError } from '../base/errors.ts';
import { exportVersion } from '../checkpoint/carry.ts';
import { differenceOf } from '../checkpoint/difference.ts';
import { nodeDisk } from '../checkpoint/disk.ts';
import type { Retention } from '../checkpoint/retention.ts';
import { verifyVersions } from '../checkpoint/verify.ts';
import { slotNames } from '../model/row-layout.ts';
import type { VersionSummary } from '../protocol/messages.ts';
import type { ModelHost } from './model-host.ts';
import { writePredictOnly } from './predict-only.ts';
import { versionSummary } from './status.ts';
import { type Transfers, transferChunkBytes } from './transfers.ts';

export class VersionOperations {
  readonly #transfers: Transfers;

  constructor(transfers: Transfers) {
    this.#transfers = transfers;
  }

  async verify({ store, model }: ModelHost, version: number | undefined) {
    return { versions: await verifyVersions(store, model, version) };
  }

  async diff(host: ModelHost, from: number, to: number, top: number) {
    const { store, model, config } = host;
    const [before, after] = await Promise.all([
      store.readManifest(model, from),
      store.readManifest(model, to),
    ]);
    const rows = await differenceOf(store, before, after, top);
    const [fromSummary, toSummary] = [await versionSummary(host, from), await versionSummary(host, to)];
    return { from: fromSummary, to: toSummary, slots: slotNames(config), rows };
  }

  async prune({ store, model, config }: ModelHost, asked: Partial<Retention>, dryRun: boolean) {
    const { keep, keepForMs } = config.checkpoint;
    const retention = { keep: asked.keep ?? keep, keepForMs: asked.keepForMs ?? keepForMs };
    const removed = dryRun ? await store.removable(model, retention) : await store.prune(model, retention);
    return { removed, dryRun, ...retention };
  }

  /** Makes the file of a version; the current one when none is named. */
  async export({ store, model, served }: ModelHost, version = served.version) {
    const manifest = await store.readManifest(model, version);
    const begun = await this.#transfers.begin(model, (path) =>
      exportVersion(store, manifest, nodeDisk, path),
    );
    return { ...begun, version, chunkBytes: transferChunkBytes };
  }

  /** Makes the file of a model that only predicts, from a version; the current one when none is named. */
  async exportPredictOnly(
    { store, model, config, served }: ModelHost,
    version = served.version,
    quantization: Quantization | undefined,
  ) {
    if (version === 0) {
      const mend = `make one with \`millrace checkpoints make ${model}\``;
      throw new MillraceError('conflict', `${model} has no version yet; ${mend}`);
    }
    const manifest = await store.readManifest(model, version);
    const source = { store, manifest, limits: config.limits, quantization };
    const begun = await this.#transfers.begin(model, (path) => writePredictOnly(source, nodeDisk, path));
    return { ...begun, version, chunkBytes: transferChunkBytes };
  }

  async beginImport({ model }: ModelHost) {
    const begun = await this.#transfers.begin(model, (path) => writeFile(path, ''));
    return { ...begun, chunkBytes: transferChunkBytes };
  }

  async endImport(host: ModelHost, transfer: string): Promise<VersionSummary> {
    try {
      return await versionSummary(host, await host.importVersion(this.#transfers.path(host.model, transfer)));
    } finally {
      await this.#transfers.end(transfer);
    }
  }

  /** Gives a piece of an export, or takes one of an import. An export ends when its end was read. */
  async transfer({ model }: ModelHost, transfer: string, from: number, given: Uint8Array | undefined) {
    if (given !== undefined) {
      await this.#transfers.write(model, transfer, from, given);
      return {};
    }
    const bytes = await this.#transfers.read(model, transfer, from);
    if (bytes.byteLength === 0) await this.#transfers.end(transfer);
    return { bytes };
  }
}
