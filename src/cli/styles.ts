/**
 * Colours and weights of text. Commands style what they say wherever it goes; `textFor` takes the styles out
 * again where no person sees them, so that a pipe, a file or a build log gets plain text.
 */
import pc from 'picocolors';

export const styles = pc.createColors(true);

/** A stream that text is written to; terminals say whether they show colours (NO_COLOR, TERM). */
export interface StyledStream {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

const escapeCharacter = '\u001b';
const styleCode = new RegExp(`${escapeCharacter}\\[[\\d;]*m`, 'g');

/** The text as this stream should get it. FORCE_COLOR keeps styles on a stream that is no terminal. */
export function textFor(
  stream: StyledStream,
  text: string,
  forced: string | undefined = process.env.FORCE_COLOR,
): string {
  const isForced = forced !== undefined && forced !== '' && forced !== '0';
  const isShown = isForced || (stream.isTTY === true && stream.hasColors?.() === true);
  return isShown ? text : text.replace(styleCode, '');
}
