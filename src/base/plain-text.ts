/**
 * Text from elsewhere (events, names, reasons of a server, cells of a file) made harmless to show. A terminal obeys
 * control characters and reorders text by bidirectional ones, and a line break in a value makes two lines of a log
 * out of one: such characters are shown as escapes instead of being sent.
 */

/** C0 but tab and line feed, DEL, C1, line and paragraph separators, and the bidirectional controls. */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const breaks = /[\t\n]/g;

const escaped = (character: string): string => {
  const code = character.charCodeAt(0).toString(16);
  return `\\u${code.padStart(4, '0')}`;
};

/** Every unsafe character as `\u001b`; tabs and line feeds stay. Inside JSON the escape means the same character. */
export const visibleText = (text: string): string => text.replace(unsafe, escaped);

/** The same in one line: tabs and line feeds are shown as escapes too. */
export const oneLine = (text: string): string =>
  visibleText(text).replace(breaks, (character) => (character === '\n' ? '\\n' : '\\t'));
