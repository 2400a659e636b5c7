/** Text in the configuration of a nats-server. */

/** Double-quoted as the server's lexer reads it: backslash escapes, control characters as \xHH. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\]/g, '\\$&');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that may not stand as they are.
  const inert = escaped.replace(/[\u0000-\u001f\u007f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  });
  return `"${inert}"`;
}
