/** A document of generated sections, each between two comments that name it. */

const heading = `# How well it learns

Made by \`npm run quality -- --write\`, from data that is no part of the project (\`MILLRACE_DATA\`).`;

/** The text with this section in place of the one before, or behind all others. */
export function withSection(text: string, name: string, markdown: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const section = `${begin}\n\n${markdown.trim()}\n\n${end}`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from >= 0 && to > from) return `${text.slice(0, from)}${section}${text.slice(to + end.length)}`;
  return `${text.trim() || heading}\n\n${section}\n`;
}
