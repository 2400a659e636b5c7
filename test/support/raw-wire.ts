/** The NATS protocol spoken by hand, so that a test sees every reply with its headers as they are on the wire. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawReply {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const lineEnd = '\r\n';
const inbox = '_INBOX.by-hand';

/** Every reply to one request that comes until `count` have come or the time is over. */
export async function rawRequest(
  url: string,
  subject: string,
  body: Uint8Array,
  { headers = {}, count = 1, waitMs = 5_000 }: RawOptions = {},
): Promise<RawReply[]> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}${lineEnd}`);
    const head = `NATS/1.0${lineEnd}${lines.join('')}${lineEnd}`;
    socket.write(`CONNECT {"verbose":false,"headers":true,"no_responders":true}${lineEnd}`);
    socket.write(`SUB ${inbox} 1${lineEnd}`);
    socket.write(`HPUB ${subject} ${inbox} ${head.length} ${head.length + body.length}${lineEnd}${head}`);
    socket.write(Buffer.concat([body, Buffer.from(`${lineEnd}PING${lineEnd}`)]));
    return await repliesOn(socket, count, waitMs);
  } finally {
    socket.destroy();
  }
}

interface RawOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly count?: number;
  readonly waitMs?: number;
}

function repliesOn(socket: Socket, count: number, waitMs: number): Promise<RawReply[]> {
  return new Promise((resolve, reject) => {
    const replies: RawReply[] = [];
    let seen: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => resolve(replies), waitMs);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      for (let next = takeFrame(seen); next !== undefined; next = takeFrame(seen)) {
        seen = next.rest;
        if (next.error !== undefined) return end(() => reject(new Error(next.error)));
        if (next.reply !== undefined) replies.push(next.reply);
        if (replies.length >= count) return end(() => resolve(replies));
      }
    });
  });
}

interface Frame {
  readonly rest: Buffer;
  readonly reply?: RawReply;
  readonly error?: string;
}

/** The first whole frame of what has come; undefined when it is not whole yet. */
function takeFrame(seen: Buffer): Frame | undefined {
  const lineLength = seen.indexOf(lineEnd);
  if (lineLength < 0) return undefined;
  const words = seen.subarray(0, lineLength).toString().split(' ');
  const bodyAt = lineLength + lineEnd.length;
  if (words[0] === '-ERR') return { rest: seen.subarray(bodyAt), error: words.join(' ') };
  if (words[0] !== 'MSG' && words[0] !== 'HMSG') return { rest: seen.subarray(bodyAt) };
  const total = Number(words.at(-1));
  if (seen.length < bodyAt + total + lineEnd.length) return undefined;
  const headLength = words[0] === 'HMSG' ? Number(words.at(-2)) : 0;
  const head = seen.subarray(bodyAt, bodyAt + headLength).toString();
  const body = Buffer.from(seen.subarray(bodyAt + headLength, bodyAt + total));
  return {
    rest: seen.subarray(bodyAt + total + lineEnd.length),
    reply: { headers: headersOf(head), body },
  };
}

function headersOf(head: string): Record<string, string> {
  const lines = head.split(lineEnd).slice(1);
  const pairs = lines.filter((line) => line !== '').map((line) => line.split(/: ?(.*)/s));
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]));
}
