/**
 * Shows one of five articles to a reader, learns whether it was clicked, and so finds out which readers like what. Each
 * ranking explores; what was shown is learned with weight 1 / propensity, as if all articles had been shown alike.
 * Needs a running server: `millrace serve`. Run: NATS_URL=nats://127.0.0.1:4222 node examples/rank-and-learn.js
 */
import { connect } from '../src/index.ts';

const model = `articles-${Date.now()}`;
const articles = ['sport', 'music', 'stocks', 'garden', 'chess'];
const readers = ['anna', 'bela', 'cleo'];
const rounds = 1_500;
/** Larger weights would let a single lucky draw throw the model about. */
const weightMax = 20;

/** What nobody but this program knows: each reader likes one article, and clicks it four times in five. */
const isClicked = (reader: string, article: string): boolean =>
  Math.random() < (articles.indexOf(article) === readers.indexOf(reader) ? 0.8 : 0.1);

const millrace = await connect();
await millrace.addModel(model, {
  features: { interactions: [['reader', 'article']] },
  rank: { explore: { name: 'softmax', temperature: 0.5, uncertainty: 0.5 } },
});

let clicks = 0;
for (let round = 1; round <= rounds; round++) {
  const reader = readers[round % readers.length]!;
  const candidates = articles.map((article) => ({ id: article, features: { article } }));
  const { id, items } = await millrace.rank(model, { context: { reader }, candidates }, { top: 1 });
  const [{ id: article, propensity = 1 }] = items as [(typeof items)[number]];
  const label = isClicked(reader, article);
  clicks += label ? 1 : 0;
  const weight = Math.min(weightMax, 1 / propensity);
  await millrace.learn(model, { id, features: { reader, article }, label, weight });
  if (round % 300 === 0) {
    console.log(`round ${round}: ${clicks} of the last 300 were clicked`);
    clicks = 0;
  }
}

const { explanation } = await millrace.predict(
  model,
  { reader: 'anna', article: 'sport' },
  { explain: true },
);
for (const { name, contribution } of explanation?.contributions ?? [])
  console.log(`${name.padEnd(28)} ${contribution.toFixed(2)}`);

await millrace.removeModel(model, { purge: true });
await millrace.close();
