/**
 * Puts the pinned nats-server into the cache, so that the first start needs no network. Runs at the end of
 * `npm ci`; an installation never fails for want of a server, since there are other ways to have one.
 */
const quiet = process.argv.includes('--quiet');
const say = (sentence) => {
  if (!quiet) console.log(sentence);
};

try {
  const from = (name) => import(new URL(`../dist/src/nats/embedded/${name}.js`, import.meta.url).href);
  const { canRunPinned, serverEnvironment } = await from('environment');
  const { cachedBinary, fetchPinned } = await from('download');
  const environment = serverEnvironment(process.env, process.cwd());
  if (canRunPinned(environment)) {
    const path = (await cachedBinary(environment.cacheDir)) ?? (await fetchPinned(environment));
    say(`nats-server is at ${path}`);
  } else {
    say(
      `No nats-server is fetched on ${environment.platform}-${environment.arch}: install one so that it is on PATH.`,
    );
  }
} catch (error) {
  const reason = String(error?.message ?? error).split('\n', 1)[0];
  console.error(
    `millrace: no nats-server was put into the cache (${reason}); another may be found at the start`,
  );
}
