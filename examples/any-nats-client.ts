/**
 * No SDK and no client library: the wire of Millrace is JSON in NATS messages, and NATS is lines of text on a
 * socket. Any NATS client in any language can do the same in three calls.
 * Needs a running server without a password: `millrace serve`. Run: node examples/any-nats-client.js
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';

const url = new URL(process.env.NATS_URL ?? 'nats://127.0.0.1:4222');
const socket = connect(Number(url.port || 4222), url.hostname);
const inbox = `_INBOX.${randomUUID()}`;
const waiting = new Map<string, (reply: string) => void>();
const messageHead = /^H?MSG (\S+) \S+ (?:\d+ )?(\d+)\r\n/;
let received = Buffer.alloc(0);

socket.write(`CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB ${inbox}.* 1\r\n`);
socket.on('data', (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (let end = received.indexOf('\r\n'); end >= 0; end = received.indexOf('\r\n')) {
    const head = messageHead.exec(received.toString('utf8', 0, end + 2));
    const bodyEnd = end + 2 + Number(head?.[2] ?? 0);
    if (head !== null && received.length < bodyEnd + 2) return;
    if (head !== null) waiting.get(head[1]!)?.(received.toString('utf8', end + 2, bodyEnd));
    else if (received.toString('utf8', 0, end) === 'PING') socket.write('PONG\r\n');
    received = received.subarray(head === null ? end + 2 : bodyEnd + 2);
  }
});

/** A request is a publish that names where the reply shall go. */
async function request(subject: string, body: object): Promise<string> {
  const data = JSON.stringify(body);
  const replyTo = `${inbox}.${randomUUID()}`;
  const reply = new Promise<string>((resolve) => waiting.set(replyTo, resolve));
  socket.write(`PUB ${subject} ${replyTo} ${Buffer.byteLength(data)}\r\n${data}\r\n`);
  return reply;
}

const model = `plain-${Date.now()}`;
console.log('add:', await request(`millrace.v1.ctl.add.${model}`, { config: { task: 'binary' } }));
const event = { features: { colour: 'red', size: 3 }, label: true };
const ack = await request(`millrace.v1.learn.${model}`, event);
console.log('learn:', ack);
const { seq } = JSON.parse(ack) as { seq: number };
console.log(
  'predict:',
  await request(`millrace.v1.predict.${model}`, { features: event.features, minSeq: seq }),
);
console.log('remove:', await request(`millrace.v1.ctl.remove.${model}`, { purge: true }));
socket.end();
