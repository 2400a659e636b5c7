/** An entry file as it must not be: its default export returns instead of running until it is stopped. */
export default function notAnActor(): string {
  return 'done';
}
