/**
 * Who waits, in the order they go: by priority, then by arrival, with aging. Each class is a list in order of arrival
 * and the handicap of a class never changes, so the first of all is the best of three: every step is O(1), leaving too.
 */

import { HANDICAP_MS, PRIORITIES, type Priority } from './priority.ts'

/** A place in the line; hold on to it to leave. */
export interface Place<Item> {
  readonly item: Item
  readonly priority: Priority
  /** Arrival with the handicap of its class: smaller goes first. */
  readonly orderMs: number
}

interface Node<Item> extends Place<Item> {
  before: Node<Item> | undefined
  after: Node<Item> | undefined
  isWaiting: boolean
}

interface Class<Item> {
  first: Node<Item> | undefined
  last: Node<Item> | undefined
  size: number
}

export class WaitingLine<Item> {
  readonly #classes: Readonly<Record<Priority, Class<Item>>> = {
    high: emptyClass(),
    normal: emptyClass(),
    low: emptyClass(),
  }
  #size = 0

  get size(): number {
    return this.#size
  }

  /** How many of these classes and above wait: about as many go before one that comes now. */
  aheadOf(priority: Priority): number {
    let ahead = 0
    for (const each of PRIORITIES) {
      ahead += this.#classes[each].size
      if (each === priority) break
    }
    return ahead
  }

  /** Time must not go back between arrivals. */
  join(item: Item, priority: Priority, nowMs: number): Place<Item> {
    const list = this.#classes[priority]
    const orderMs = nowMs + HANDICAP_MS[priority]
    const node: Node<Item> = { item, priority, orderMs, before: list.last, after: undefined, isWaiting: true }
    if (list.last === undefined) list.first = node
    else list.last.after = node
    list.last = node
    list.size += 1
    this.#size += 1
    return node
  }

  /** Who goes next. */
  get first(): Place<Item> | undefined {
    let best: Node<Item> | undefined
    for (const priority of PRIORITIES) {
      const { first } = this.#classes[priority]
      if (first !== undefined && (best === undefined || first.orderMs < best.orderMs)) best = first
    }
    return best
  }

  /** Who gives way to one of this priority where there is no more room: the newest of the lowest class below it. */
  lastBelow(priority: Priority): Place<Item> | undefined {
    for (const each of PRIORITIES.toReversed()) {
      if (each === priority) return undefined
      const { last } = this.#classes[each]
      if (last !== undefined) return last
    }
    return undefined
  }

  /** Leaves the line; a second time does nothing. */
  leave(place: Place<Item>): void {
    // Sound: `join` is the only maker of places.
    const node = place as Node<Item>
    if (!node.isWaiting) return
    node.isWaiting = false
    const list = this.#classes[node.priority]
    if (node.before === undefined) list.first = node.after
    else node.before.after = node.after
    if (node.after === undefined) list.last = node.before
    else node.after.before = node.before
    list.size -= 1
    this.#size -= 1
  }

  /** Everyone, in the order they would go if nobody else came: O(n). */
  inOrder(): readonly Place<Item>[] {
    const places: Place<Item>[] = []
    for (const priority of PRIORITIES) {
      for (let node = this.#classes[priority].first; node !== undefined; node = node.after) places.push(node)
    }
    return places.sort((one, other) => one.orderMs - other.orderMs)
  }
}

function emptyClass<Item>(): Class<Item> {
  return { first: undefined, last: undefined, size: 0 }
}
