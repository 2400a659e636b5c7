/**
 * NATS micro services with true statistics. The library measures a handler with a clock of whole
 * milliseconds and only until it returns, so one that takes 0.3 ms, or answers later, counts as nothing.
 * Here each call is timed from arrival until it is done, and the numbers are put in place of the library's
 * whenever `$SRV.STATS` (`nats micro stats`) asks.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { NatsConnection, Service as NatsService } from 'nats';
import { errorCodes, messageOf } from '../base/errors.ts';
import type { Service, ServiceEndpoint, ServiceSpec } from './channel.ts';
import { operatingError } from './nats-errors.ts';
import { type RawMessage, type SendLimits, WireMessage } from './wire-message.ts';

const nanosPerMs = 1e6;
const nothing = new Uint8Array(0);

/** The numbers of one endpoint since it was added; a request counts when it is done. */
class EndpointMeter {
  #requests = 0;
  #errors = 0;
  #lastError = '';
  #inFlight = 0;
  #processingNanos = 0;
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: 3_600e9, figures: 3 });

  /** Returns what to call at the end; a second call changes nothing. */
  begin(): (error?: string) => void {
    const startedMs = performance.now();
    let open = true;
    this.#inFlight += 1;
    return (error) => {
      if (!open) return;
      open = false;
      this.#inFlight -= 1;
      this.#record(Math.max(1, Math.round((performance.now() - startedMs) * nanosPerMs)), error);
    };
  }

  #record(nanos: number, error: string | undefined): void {
    this.#requests += 1;
    this.#processingNanos += nanos;
    this.#histogram.record(nanos);
    if (error === undefined) return;
    this.#errors += 1;
    this.#lastError = error;
  }

  /** In the terms of the services convention: nanoseconds. */
  writeInto(stats: EndpointStats): void {
    stats.num_requests = this.#requests;
    stats.num_errors = this.#errors;
    stats.last_error = this.#errors === 0 ? undefined : this.#lastError;
    stats.processing_time = this.#processingNanos;
    stats.average_processing_time =
      this.#requests === 0 ? 0 : Math.round(this.#processingNanos / this.#requests);
  }

  data(): object {
    const at = (percentile: number) =>
      this.#requests === 0 ? 0 : this.#histogram.percentile(percentile) / nanosPerMs;
    return { inFlight: this.#inFlight, p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), maxMs: at(100) };
  }
}

interface EndpointStats {
  num_requests: number;
  num_errors: number;
  last_error: string | undefined;
  processing_time: number;
  average_processing_time: number;
}

export async function startService(
  connection: NatsConnection,
  limits: SendLimits,
  spec: ServiceSpec,
  onFailure: (detail: string) => void,
): Promise<Service> {
  const meters = new Map(spec.endpoints.map((endpoint) => [endpoint.name, new EndpointMeter()]));
  try {
    const service = await connection.services.add({
      name: spec.name,
      version: spec.version,
      description: spec.description,
      // The library hands over its own record of the endpoint just before it sends it, so what is written
      // into it here is what the caller reads.
      statsHandler: async (endpoint) => {
        const { name, stats } = endpoint as unknown as { name: string; stats: EndpointStats };
        const meter = meters.get(name);
        meter?.writeInto(stats);
        return meter?.data();
      },
    });
    for (const endpoint of spec.endpoints) addEndpoint(service, endpoint, meters.get(endpoint.name)!, limits);
    void service.stopped.then((error) => {
      if (error instanceof Error && !limits.closed)
        onFailure(`service ${spec.name} stopped: ${error.message}`);
    });
    // Who starts a service may be asked at once: the subscriptions are at the server when this returns.
    await connection.flush();
    return { stop: () => stopService(service) };
  } catch (thrown) {
    throw operatingError(thrown, `service ${spec.name}`);
  }
}

async function stopService(service: NatsService): Promise<void> {
  await service.stop();
}

function addEndpoint(
  service: NatsService,
  endpoint: ServiceEndpoint,
  meter: EndpointMeter,
  limits: SendLimits,
): void {
  service.addEndpoint(endpoint.name, {
    subject: endpoint.subject,
    queue: endpoint.queue,
    ...(endpoint.metadata !== undefined && { metadata: endpoint.metadata }),
    handler: (_error, raw) => {
      const message = new WireMessage(raw as RawMessage, limits);
      const done = meter.begin();
      try {
        endpoint.handle(message, done);
      } catch (thrown) {
        done(messageOf(thrown));
        message.respond(nothing, {
          'Nats-Service-Error-Code': String(errorCodes.internal),
          'Nats-Service-Error': messageOf(thrown),
        });
        crash(thrown);
      }
    },
  });
}

/**
 * A handler that throws is a broken invariant and shall crash its actor. Thrown in place, it would end the
 * library's reading loop instead and leave a connection that looks alive and hears nothing.
 */
export function crash(thrown: unknown): void {
  setImmediate(() => {
    throw thrown;
  });
}
