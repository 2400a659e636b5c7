/** Reads the INFO line with which every NATS server greets: the proof that one listens, and which. */
import { connect } from 'node:net';
import { serverHost } from './server-config.ts';

export interface ServerGreeting {
  readonly name: string;
  readonly version: string;
}

const greetingBytesMax = 64 * 1024;

/** Undefined when nothing listens there, or something that is no NATS server, or nothing comes in time. */
export function readGreeting(port: number, timeoutMs: number): Promise<ServerGreeting | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: serverHost, port });
    let text = '';
    const finish = (greeting: ServerGreeting | undefined): void => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => finish(undefined));
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\r\n') || text.length > greetingBytesMax) finish(parseGreeting(text));
    });
  });
}

function parseGreeting(text: string): ServerGreeting | undefined {
  const json = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1];
  if (json === undefined) return undefined;
  try {
    const info = JSON.parse(json) as { server_name?: unknown; version?: unknown };
    return { name: String(info.server_name ?? ''), version: String(info.version ?? '') };
  } catch {
    return undefined;
  }
}
