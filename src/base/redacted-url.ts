/** URLs of servers as they may be shown: `nats://user:password@host` has its secret in the middle. */

/** Everything up to the last "@" goes, whatever stands before it: a password that was not encoded holds anything. */
export const redactedUrl = (url: string): string => url.replace(/^(\s*[a-z+]+:\/\/)?.*@/is, '$1');
