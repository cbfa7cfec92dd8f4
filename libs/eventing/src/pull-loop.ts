/** Pulls one message at a time, handles it, answers it. Survives any restart of the server. */
import type { ConsumerSpec } from '#contracts/streams.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { isOutage } from './errors.js';
import { GAVE_UP, type Handled, reject, retryAfter } from './handled.js';
import { Puller } from './puller.js';

export type DeliveryHandler = (delivery: Delivery) => Promise<Handled>;

/** Where messages come from. */
export interface Source {
  /** In order of preference. */
  readonly consumers: readonly ConsumerSpec[];
  /** Asked when the others have nothing, and first when others went before them often enough. */
  readonly patient?: { readonly consumers: readonly ConsumerSpec[]; readonly turns: Turns };
  /** Live subjects that ring when there is something to pull. Without one it polls. */
  readonly doorbells?: readonly string[];
}

/** How often the patient consumers of a slot were passed over while somebody waited there. */
export class Turns {
  private passedOver = 0;
  private counted: Promise<void> = Promise.resolve();

  /** After `most` others the patient ones go first. */
  constructor(private readonly most: number) {}

  async arePatientFirst(): Promise<boolean> {
    await this.counted;
    return this.passedOver >= this.most;
  }

  /** The patient ones were served, or asked first and had nothing. */
  served(): void {
    this.passedOver = 0;
  }

  /** Others were served. Whether that passed somebody over is learned while the message is handled. */
  passed(somebodyWaits: () => Promise<boolean>): void {
    this.counted = somebodyWaits().then((waits) => {
      this.passedOver = waits ? this.passedOver + 1 : 0;
    });
  }
}

export interface PullLoopOptions extends Source {
  /** Stops pulling; a message in hand is still handled and answered. */
  readonly signal: AbortSignal;
}

/** The longest time between two looks when nothing rings: redelivered messages ring no bell. */
const POLL_MS = 1_000;
/** After a ring the first look may come before the consumer has seen the message. */
const FIRST_LOOK_AGAIN_MS = 5;
/** Signs of life within one `ack_wait`: two of them may get lost. */
const SIGNS_OF_LIFE = 3;
const RETRY_MS = { first: 1_000, most: 30_000 };

/** Resolves when the signal aborts and nothing is in hand any more. */
export async function runPullLoop(bus: Bus, options: PullLoopOptions, handle: DeliveryHandler): Promise<void> {
  const { signal } = options;
  const intake = new Intake(bus, options);
  try {
    while (!signal.aborted) {
      const delivery = await intake.next(signal);
      if (delivery && signal.aborted) delivery.answer(retryAfter(0));
      else if (delivery) await handleDelivery(bus, delivery, handle, signal);
    }
  } finally {
    intake.close();
  }
}

/** One message, waited for until the signal aborts. Whoever gets it keeps it alive and answers it. */
export async function pullOne(bus: Bus, source: Source, signal: AbortSignal): Promise<Delivery | undefined> {
  const intake = new Intake(bus, source);
  try {
    return await intake.next(signal);
  } finally {
    intake.close();
  }
}

/** The next message of several consumers, whichever comes first. */
class Intake {
  private readonly bell: Doorbell;
  private readonly preferred: readonly Puller[];
  private readonly patient: readonly Puller[];

  constructor(
    private readonly bus: Bus,
    private readonly source: Source,
  ) {
    const pullersOf = (consumers: readonly ConsumerSpec[] = []) => consumers.map((each) => new Puller(bus, each));
    this.bell = new Doorbell(bus, source.doorbells ?? []);
    this.preferred = pullersOf(source.consumers);
    this.patient = pullersOf(source.patient?.consumers);
  }

  /** Looks at least once; undefined when the signal aborts before there is a message. */
  async next(signal: AbortSignal): Promise<Delivery | undefined> {
    for (;;) {
      this.bell.listen();
      const delivery = await this.look();
      if (delivery || signal.aborted) return delivery;
      await this.bell.wait(signal);
      if (signal.aborted) return undefined;
    }
  }

  close(): void {
    this.bell.close();
    for (const puller of [...this.preferred, ...this.patient]) puller.close();
  }

  private async look(): Promise<Delivery | undefined> {
    const { turns } = this.source.patient ?? {};
    const patientFirst = (await turns?.arePatientFirst()) ?? false;
    const [first, second] = patientFirst ? [this.patient, this.preferred] : [this.preferred, this.patient];
    for (const puller of [...first, ...second]) {
      const delivery = await puller.next();
      if (!delivery) continue;
      if (patientFirst || this.patient.includes(puller)) turns?.served();
      else turns?.passed(() => this.somebodyWaits());
      return delivery;
    }
    return undefined;
  }

  /** Whether a patient consumer has messages that nobody has: new ones, or such that come again. */
  private async somebodyWaits(): Promise<boolean> {
    const { consumers = [] } = this.source.patient ?? {};
    try {
      const asked = consumers.map(({ stream, name }) => this.bus.jsm.consumers.info(stream, name));
      const infos = await this.bus.answerTo(Promise.all(asked));
      return infos.some(({ num_pending, num_redelivered }) => num_pending + num_redelivered > 0);
    } catch (error) {
      this.bus.log.debug({ err: error }, 'nobody knows who waits: somebody may');
      return true;
    }
  }
}

async function handleDelivery(
  bus: Bus,
  delivery: Delivery,
  handle: DeliveryHandler,
  signal: AbortSignal,
): Promise<void> {
  const heartbeat = setInterval(() => delivery.working(), delivery.consumer.ackWaitMs / SIGNS_OF_LIFE);
  try {
    delivery.answer(await handlePatiently(bus, delivery, handle, signal));
  } catch (error) {
    bus.log.error({ err: error, subject: delivery.subject, delivery: delivery.deliveryCount }, 'handler failed');
    delivery.answer(afterError(delivery, error));
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * What NATS itself cannot take now, because it is away or full, is no fault of the message: it is kept in hand and tried
 * again, and no delivery is used up. Told to stop, it is handed back.
 */
async function handlePatiently(
  bus: Bus,
  delivery: Delivery,
  handle: DeliveryHandler,
  signal: AbortSignal,
): Promise<Handled> {
  for (let pauseMs = RETRY_MS.first; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS.most)) {
    try {
      return await handle(delivery);
    } catch (error) {
      if (!isOutage(error)) throw error;
      bus.log.warn({ err: error, subject: delivery.subject, pauseMs }, 'NATS cannot take an outcome now');
    }
    if (signal.aborted) return retryAfter(0);
    await pauseUnlessAborted(pauseMs, signal);
  }
}

/** Tried again, later each time; what used up its deliveries becomes a dead letter at once. */
function afterError(delivery: Delivery, error: unknown): Handled {
  if (delivery.isLast) return reject(`${GAVE_UP}${error instanceof Error ? error.message.slice(0, 200) : 'unknown'}`);
  return retryAfter(Math.min(RETRY_MS.first * 2 ** (delivery.deliveryCount - 1), RETRY_MS.most));
}

/** Wakes the loop when a message arrives, and remembers a ring that came while it was looking. */
class Doorbell {
  private rung = false;
  private wake: (() => void) | undefined;
  private lookAgainMs = POLL_MS;
  private readonly stops: readonly (() => void)[];

  constructor(bus: Bus, subjects: readonly string[]) {
    const ring = () => this.ring();
    this.stops = [bus.onReconnect(ring), ...subjects.map((subject) => bus.listen(subject, ring))];
  }

  /** From here on a ring counts. */
  listen(): void {
    this.rung = false;
  }

  /** Resolves on a ring, when it is time to look again, or when aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.rung && !signal.aborted) await this.ringOrTimeout(signal);
    this.lookAgainMs = this.rung ? FIRST_LOOK_AGAIN_MS : Math.min(this.lookAgainMs * 2, POLL_MS);
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private ringOrTimeout(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', settle);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(settle, this.lookAgainMs);
      signal.addEventListener('abort', settle);
      this.wake = settle;
    });
  }

  private ring(): void {
    this.rung = true;
    this.wake?.();
  }
}
