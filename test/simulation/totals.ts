/** What happened in schedules, counted by group and name, so that a reader of the result sees what was tried. */
export type Totals = Record<string, Record<string, number>>;

export function count(totals: Totals, group: string, name: string, by = 1): void {
  totals[group] ??= {};
  totals[group][name] = (totals[group][name] ?? 0) + by;
}

export function addTotals(sum: Totals, more: Totals): void {
  for (const [group, names] of Object.entries(more))
    for (const [name, by] of Object.entries(names)) count(sum, group, name, by);
}

/** In order of names, whoever came first. */
export function sorted(totals: Totals): Totals {
  const byName = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);
  const groups = Object.entries(totals).map(([group, names]): [string, Record<string, number>] => [
    group,
    Object.fromEntries(Object.entries(names).sort(byName)),
  ]);
  return Object.fromEntries(groups.sort(byName));
}
