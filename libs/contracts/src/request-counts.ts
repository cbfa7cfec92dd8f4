/** What gateways tell each other about how many requests came in, on core NATS: not stored. */
export interface RequestCounts {
  /** The gateway that counted: a random id, new with each start. */
  readonly gateway: string;
  /** Requests since its last message, by account key. */
  readonly counts: Readonly<Record<string, number>>;
}
