/**
 * A nats-server configuration with one account for Millrace and one for each client.
 *
 *   account of the actors   streams, actors, operator
 *        | exports one subject a verb and model, to the account of that client alone
 *   account of a client     imports that subject; nothing else is in it
 *
 * Accounts and not permissions alone: a client names the subject of its answer, and no server checks that name
 * against its permissions. In an account of its own that subject is nobody else's.
 */
import { actorsUser, type ClientRole } from '../../config/nats-schema.ts';
import { SetupError } from '../base/errors.ts';
import { actorPermissions, clientPermissions, inboxOf, type Permissions, type Role } from './permissions.ts';

export interface TemplateOptions {
  readonly root: string;
  readonly models: readonly string[];
}

/** A user of the template, with the account that it is in. */
export interface TemplateUser {
  readonly user: string;
  readonly role: Role;
  /** Of a client of one model. */
  readonly model?: string;
  readonly account: string;
  readonly passwordVariable: string;
  readonly permissions: Permissions;
}

const operatorUser = 'operator';
const clientsOfModel: readonly Exclude<ClientRole, 'operator'>[] = ['predict', 'label', 'learn'];

export function templateUsers({ root, models }: TemplateOptions): TemplateUser[] {
  const account = root.toUpperCase();
  const scope = { root, models };
  const of = (user: string, role: Role, permissions: Permissions, model?: string): TemplateUser => ({
    user,
    role,
    ...(model !== undefined && { model }),
    account: model === undefined ? account : `${account}_${user}`,
    passwordVariable: `${account}_PASSWORD_${user}`.replaceAll('-', '_'),
    permissions,
  });
  const clients = models.flatMap((model) =>
    clientsOfModel.map((role) => {
      const user = `${role}_${model}`;
      return of(user, role, clientPermissions(user, [role], { root, models: [model] }), model);
    }),
  );
  refuseSharedVariables(models);
  return [
    of(actorsUser, 'actors', actorPermissions(actorsUser, [inboxOf(operatorUser)], scope)),
    of(operatorUser, 'operator', clientPermissions(operatorUser, ['operator'], scope)),
    ...clients,
  ];
}

/** A shell has no variables with "-" in them, so two names can come to share one. */
function refuseSharedVariables(models: readonly string[]): void {
  for (const model of models) {
    const twin = models.find(
      (other) => other !== model && other.replaceAll('-', '_') === model.replaceAll('-', '_'),
    );
    if (twin === undefined) continue;
    throw new SetupError(`${model} and ${twin} would have one password variable: write a template for each`);
  }
}

export function authTemplate(options: TemplateOptions): string {
  const users = templateUsers(options);
  const inside = users.filter(({ model }) => model === undefined);
  const clients = users.filter(({ model }) => model !== undefined);
  const { account } = inside[0]!;
  return [
    ...heading(options, users),
    'accounts {',
    `  ${quoted(account)} {`,
    '    jetstream: enabled',
    '    users: [',
    ...inside.flatMap((user) => userLines(user)),
    '    ]',
    '    exports: [',
    ...clients.flatMap(exportLines),
    '    ]',
    '  }',
    ...clients.flatMap((client) => clientLines(client, account)),
    '}',
    '',
  ].join('\n');
}

function heading({ root, models }: TemplateOptions, users: readonly TemplateUser[]): string[] {
  return [
    `# Accounts of Millrace for nats-server: root ${root}, models ${models.join(', ')}.`,
    '# Written by `millrace auth template`. In the configuration of the server:',
    '#',
    '#   include "millrace-auth.conf"',
    '#   jetstream { store_dir: "..." }',
    '#   tls { cert_file: "...", key_file: "..." }',
    '#',
    '# Passwords come from the environment of nats-server, plain or as `nats server passwd` hashes them:',
    '#',
    ...users.map(({ passwordVariable }) => `#   ${passwordVariable}`),
    '#',
    '# Each user has an inbox prefix of its own, which its clients must be told (--inbox-prefix, inboxPrefix):',
    '#',
    ...users.map(({ user }) => `#   ${user}: ${inboxOf(user)}`),
    '#',
    `# Streams belong to an account: those made before this file was included are not those of ${root.toUpperCase()}.`,
    '# nats-server 2.9 and 2.10 check the requests that it gets about streams less strictly: prefer a later one.',
    '',
  ];
}

const userLines = ({ user, passwordVariable, permissions }: TemplateUser): string[] => [
  '      {',
  `        user: ${quoted(user)}, password: $${passwordVariable}`,
  ...permissionLines(permissions).map((line) => `        ${line}`),
  '      }',
];

export function permissionLines({ publish, subscribe }: Permissions): string[] {
  return ['permissions {', ...subjectLines('publish', publish), ...subjectLines('subscribe', subscribe), '}'];
}

const subjectLines = (verb: string, subjects: readonly string[]): string[] => [
  `  ${verb}: {`,
  '    allow: [',
  ...subjects.map((subject) => `      ${quoted(subject)}`),
  '    ]',
  '  }',
];

/** What a client publishes is what crosses into the account of the actors; its answers find back by themselves. */
const exportLines = ({ account, permissions }: TemplateUser): string[] =>
  permissions.publish.map(
    (subject) => `      { service: ${quoted(subject)}, accounts: [${quoted(account)}] }`,
  );

const clientLines = (client: TemplateUser, account: string): string[] => [
  `  ${quoted(client.account)} {`,
  '    users: [',
  ...userLines(client),
  '    ]',
  '    imports: [',
  ...client.permissions.publish.map(
    (subject) => `      { service: { account: ${quoted(account)}, subject: ${quoted(subject)} } }`,
  ),
  '    ]',
  '  }',
];

const quoted = (text: string): string => `"${text}"`;
