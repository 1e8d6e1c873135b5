/** Typed publish and subscribe. Rooms publish what happened; observers subscribe; neither knows the other. */

export interface Channel<Message> {
  /** Hands `message` to every subscriber, now. A subscriber that throws is counted and never reaches the publisher. */
  publish(message: Message): void
  /** Returns the act of leaving. */
  subscribe(subscriber: (message: Message) => void): () => void
  /** How many times a subscriber threw; observation must never break traffic (fault 136). */
  readonly subscriberFaults: number
}

export function createChannel<Message>(): Channel<Message> {
  let subscribers: readonly ((message: Message) => void)[] = []
  let subscriberFaults = 0
  return {
    publish(message) {
      for (const subscriber of subscribers) {
        try {
          subscriber(message)
        } catch {
          subscriberFaults += 1
        }
      }
    },
    subscribe(subscriber) {
      subscribers = [...subscribers, subscriber]
      return () => {
        subscribers = subscribers.filter((other) => other !== subscriber)
      }
    },
    get subscriberFaults() {
      return subscriberFaults
    },
  }
}
