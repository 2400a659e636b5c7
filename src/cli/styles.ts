/**
 * Colours and weights of text. Commands style what they say wherever it goes; `textFor` takes the styles out
 * again where no person sees them, so that a pipe, a file or a build log gets plain text.
 */
import pc from 'picocolors';
import { visibleText } from '../base/plain-text.ts';

export const styles = pc.createColors(true);

/** A stream that text is written to; terminals say whether they show colours (NO_COLOR, TERM). */
export interface StyledStream {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

const escapeCharacter = '\u001b';
const styleCode = new RegExp(`${escapeCharacter}\\[[\\d;]*m`, 'g');
/** Exactly those that `styles` writes: text from elsewhere may hold them too, and can do no more with them than we. */
const ownCode = new RegExp(`(${escapeCharacter}\\[(?:1|2|22|31|32|33|36|39)m)`);

/**
 * The text as this stream should get it: of control characters only line ends, tabs and our own styles are sent, all
 * others are shown. FORCE_COLOR keeps styles on a stream that is no terminal.
 */
export function textFor(
  stream: StyledStream,
  text: string,
  forced: string | undefined = process.env.FORCE_COLOR,
): string {
  const isForced = forced !== undefined && forced !== '' && forced !== '0';
  const isShown = isForced || (stream.isTTY === true && stream.hasColors?.() === true);
  const parts = text.split(ownCode);
  // Every second part is a style: splitting by a group keeps what it matched.
  const shown = parts.map((part, at) => (at % 2 === 1 ? part : visibleText(part))).join('');
  return isShown ? shown : shown.replace(styleCode, '');
}
