/** What the embedded server is started with: its own settings, and how far an ack of it shall reach. */
import type { Config } from '../../../config/schema.ts';
import type { Durability } from '../durability.ts';

export type EmbeddedSettings = Config['nats']['embedded'] & { readonly durability?: Durability };
