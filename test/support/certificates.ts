/** Certificates for a test: an authority, and a server and a client that it signed. Made by openssl, where there is one. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export const opensslMissing = (): string | false =>
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'no openssl on this machine to make certificates with';

export interface Certificates {
  readonly ca: string;
  readonly otherCa: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

export function makeCertificates(folder: string): Certificates {
  const at = (file: string) => join(folder, file);
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  const keyed = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
  ];
  const authority = (name: string) => {
    openssl('req', '-x509', ...keyed(name), '-days', '2', '-subj', `/CN=${name}`, '-out', at(`${name}.pem`));
    return at(`${name}.pem`);
  };
  const signed = (name: string) => {
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
    openssl('req', ...keyed(name), '-subj', `/CN=${name}`, ...names, '-out', at(`${name}.csr`));
    const by = [
      '-CA',
      at('authority.pem'),
      '-CAkey',
      at('authority.key'),
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
    ];
    openssl('x509', '-req', '-in', at(`${name}.csr`), ...by, '-days', '2', '-out', at(`${name}.pem`));
    return { cert: at(`${name}.pem`), key: at(`${name}.key`) };
  };
  return {
    ca: authority('authority'),
    otherCa: authority('stranger'),
    server: signed('server'),
    client: signed('client'),
  };
}
