/**
 * The least that a nats-server in operator mode needs: an operator, two accounts and a user, each a signed token, as
 * `nsc` makes them. The user's token and seed are a credentials file.
 */
import { randomBytes } from 'node:crypto';
import { nkeys } from 'nats';

export interface OperatorMode {
  /** Lines of the server's configuration. */
  readonly config: string;
  /** Content of a .creds file. */
  readonly credentials: string;
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

export function operatorMode(): OperatorMode {
  const operator = nkeys.createOperator();
  const [system, account] = [nkeys.createAccount(), nkeys.createAccount()];
  const user = nkeys.createUser();
  const none = {
    subs: -1,
    conn: -1,
    leaf: -1,
    imports: -1,
    exports: -1,
    data: -1,
    payload: -1,
    wildcards: true,
  };
  const tokenOf = (pair: KeyPair, jetstream: object) =>
    token(operator, pair, { type: 'account', limits: { ...none, ...jetstream } });
  const streams = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const tokens = { system: tokenOf(system, {}), account: tokenOf(account, streams) };
  const userToken = token(account, user, { type: 'user', subs: -1, data: -1, payload: -1 });
  const config = [
    `operator: ${token(operator, operator, { type: 'operator', system_account: system.getPublicKey() })}`,
    `system_account: ${system.getPublicKey()}`,
    'resolver: MEMORY',
    `resolver_preload: { ${system.getPublicKey()}: ${tokens.system}, ${account.getPublicKey()}: ${tokens.account} }`,
  ].join('\n');
  const seed = new TextDecoder().decode(user.getSeed());
  const credentials = [
    '-----BEGIN NATS USER JWT-----',
    userToken,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n');
  return { config, credentials };
}

function token(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: randomBytes(20).toString('hex').toUpperCase(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'test',
    nats: { ...nats, version: 2 },
  };
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`;
}
