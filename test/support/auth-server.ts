/** A real nats-server with the accounts of `millrace auth template`, and raw clients that are its users. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type NatsConnection, connect as rawConnect } from 'nats';
import type { Test } from 'tap';
import type { Attempt } from '../../src/auth/table.ts';
import { authTemplate, type TemplateUser, templateUsers } from '../../src/auth/template.ts';
import { startTestServer, type TestServer } from './nats-server.ts';

export const scope = { root: 'millrace', models: ['clicks', 'fraud'] };

export const passwordOf = (user: string): string => `secret-of-${user}`;

/** How the SDK and the server's configuration sign in. */
export const signInAs = (user: string) => ({
  user,
  password: passwordOf(user),
  inboxPrefix: `_INBOX_${user}`,
});

export async function startAuthServer(t: Test, binary: string): Promise<TestServer> {
  const folder = t.testdir({});
  const users = templateUsers(scope);
  // What a variable stands for may also be given in the configuration, before the file that uses it.
  const passwords = users.map((user) => `${user.passwordVariable}: ${JSON.stringify(passwordOf(user.user))}`);
  await writeFile(join(folder, 'auth.conf'), [...passwords, authTemplate(scope)].join('\n'));
  return startTestServer(t, { binary, config: `include ${JSON.stringify(relativeTo(folder))}` });
}

/** The server reads includes beside its own configuration, so the way there is given from the root. */
const relativeTo = (folder: string): string => `${'../'.repeat(32)}${join(folder, 'auth.conf')}`;

export async function rawUser(
  t: Test,
  server: TestServer,
  { user }: Pick<TemplateUser, 'user'>,
): Promise<NatsConnection> {
  const { password: pass, inboxPrefix } = signInAs(user);
  const connection = await rawConnect({ servers: server.url, user, pass, inboxPrefix, reconnect: false });
  t.teardown(() => connection.close());
  return connection;
}

/** Tries it with the bare client, and hears from the server whether it may be. */
export async function mayDo(connection: NatsConnection, attempt: Attempt): Promise<boolean> {
  const denied: string[] = [];
  const statuses = connection.status();
  const listening = (async () => {
    for await (const { type, permissionContext } of statuses) {
      if (type === 'error' && permissionContext !== undefined) denied.push(permissionContext.subject);
    }
  })();
  if (attempt.kind === 'publish') connection.publish(attempt.subject);
  else connection.subscribe(attempt.subject, { callback: () => undefined }).unsubscribe(1);
  // Its answer comes behind whatever the server had to say of what was sent before.
  await connection.flush();
  await connection.flush();
  (statuses as unknown as { stop(): void }).stop();
  await listening;
  return !denied.includes(attempt.subject);
}
