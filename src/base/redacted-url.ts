/** URLs of servers as they may be shown: `nats://user:password@host` has its secret in the middle. */

/** Everything up to the last "@" goes, whatever stands before it: a password that was not encoded holds anything. */
export const redactedUrl = (url: string): string => url.replace(/^(\s*[a-z+]+:\/\/)?.*@/is, '$1');

/** The same for a text that may be something else than a URL, such as an argument: only what has a scheme is touched. */
export const redactedUrlIn = (text: string): string => text.replace(/([a-z+]+:\/\/).*@/is, '$1');
