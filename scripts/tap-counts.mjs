/**
 * Reads TAP and counts its assertions: the leaves of the tree, never the line that sums up a subtest. A summary
 * that fails with no failed leaf below it (a plan not kept, a time-out, a crash) counts as one failure.
 *
 *     # Subtest: name            <- opens a block, four spaces deeper
 *         ok 1 - leaf            <- counted
 *         1..1
 *     ok 1 - name                <- closes it: counted only if not ok and nothing below failed
 *       ---                      <- details, skipped up to the `...` at the same depth
 */
const pointPattern = /^( *)(not )?ok \d+(?: - )?(.*)$/;
const planPattern = /^( *)1\.\.(\d+)(?: *# *(.*))?$/;

/**
 * @param {string} text
 * @returns {{ passed: number, failed: number, skipped: string[], complete: boolean }}
 *   `skipped`: one "name: reason" for each skip; `complete`: whether the plan of the whole file was seen and kept
 */
export function countTap(text) {
  const counts = { passed: 0, failed: 0, skipped: [], complete: false };
  /** Points that were closed at each depth since the last shallower one; `failed` is of all below. */
  const open = [{ points: 0, failed: 0 }];
  let detailsEnd = '';
  for (const line of text.split('\n')) {
    if (detailsEnd !== '') {
      if (line === detailsEnd) detailsEnd = '';
      continue;
    }
    const details = /^( *)---$/.exec(line);
    if (details) detailsEnd = `${details[1]}...`;
    const plan = planPattern.exec(line);
    if (plan?.[1] === '') {
      const planned = Number(plan[2]);
      // A file that plans nothing must say why, or a forgotten test would pass.
      counts.complete = planned === (open[0]?.points ?? 0) && (planned > 0 || plan[3] !== undefined);
      if (planned === 0 && plan[3] !== undefined) counts.skipped.push(plan[3].replace(/^skip:? */i, ''));
    }
    const point = pointPattern.exec(line);
    if (point) addPoint(counts, open, point);
  }
  return counts;
}

function addPoint(counts, open, [, indent, not, rest]) {
  const depth = indent.length / 4;
  if (!Number.isInteger(depth)) return;
  while (open.length <= depth) open.push({ points: 0, failed: 0 });
  const below = open.splice(depth + 1);
  const isSummary = below.some(({ points }) => points > 0);
  const failedBelow = below.reduce((sum, { failed }) => sum + failed, 0);
  const [name, directive] = rest.split(/ # (?=(?:skip|todo)\b)/i);
  const here = open[depth];
  here.points++;
  here.failed += failedBelow;
  if (directive !== undefined && !isSummary) {
    counts.skipped.push(`${name.trim()}: ${directive.replace(/^(?:skip|todo) */i, '') || 'no reason given'}`);
  } else if (not && directive === undefined && failedBelow === 0) {
    counts.failed++;
    here.failed++;
  } else if (!not && !isSummary) {
    counts.passed++;
  }
}
