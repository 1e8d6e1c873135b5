/** Eleven defects, one for each invariant, put around the rooms of a world: what the simulation must find. */

import type { Ground, House } from '../src/app/compose.ts'
import type { Around } from '../src/drill/engine/world.ts'
import { GatewayError, toGatewayError } from '../src/errors/gateway-error.ts'
import type { Reply } from '../src/execution/reply.ts'
import type { Channel } from '../src/std/channel.ts'
import type { Transport } from '../src/std/transport.ts'
import type { Telemetry } from '../src/telemetry/records.ts'
import type { InvariantId } from './invariants/invariant.ts'
import { PLANTED_SECRET } from './scene.ts'

export interface PlantedBug {
  readonly breaks: InvariantId
  readonly what: string
  /** Made anew for each world. */
  around(): Around
}

/** One in so many times a defect shows: often enough to be met, seldom enough to be looked for. */
const EVERY = 10

export const plantedBugs: readonly PlantedBug[] = [
  {
    breaks: 'I1',
    what: 'a record is lost',
    around: () => ({ ground: (ground) => publishing(ground, 'exchanges', () => undefined) }),
  },
  {
    breaks: 'I2',
    what: 'a stream that broke off is recorded as whole',
    around: () => ({
      ground: (ground) =>
        publishing(ground, 'exchanges', (record) =>
          record.state === 'truncated' ? { ...record, state: 'completed' as const } : record,
        ),
    }),
  },
  {
    breaks: 'I3',
    what: 'a piece of a stream is sent twice',
    around: () => ({
      house: (house) => serving(house, (reply) => ({ ...reply, body: stuttering(reply.body) })),
    }),
  },
  { breaks: 'I4', what: 'a provider is called twice', around: () => ({ transport: callingTwice }) },
  {
    breaks: 'I5',
    what: 'a nano-dollar is added',
    around: () => ({
      ground: (ground) =>
        publishing(ground, 'exchanges', ({ costNanoUsd, ...record }) =>
          costNanoUsd === undefined ? record : { ...record, costNanoUsd: costNanoUsd + 1 },
        ),
    }),
  },
  { breaks: 'I6', what: 'a place is not given back', around: () => ({ house: keepingPlaces }) },
  { breaks: 'I7', what: 'a provider is not told that its client left', around: () => ({ transport: deaf }) },
  {
    breaks: 'I8',
    what: 'a target is called whatever is known of it',
    around: () => ({
      ground: (ground) => {
        const { health } = ground
        return { ...ground, health: delegating(health, { verdict: () => ({ type: 'available' }) }) }
      },
    }),
  },
  { breaks: 'I9', what: 'a timer is never taken back', around: () => ({ ground: forgettingTimers }) },
  { breaks: 'I10', what: 'long timers are late', around: () => ({ ground: lateTimers }) },
  { breaks: 'I11', what: 'an error tells a secret', around: () => ({ house: tellingSecrets }) },
]

type Message<Name extends keyof Telemetry> =
  Telemetry[Name] extends Channel<infer Published> ? Published : never

/** Every tenth message becomes another, or none. */
function publishing<Name extends 'exchanges' | 'attempts'>(
  ground: Ground,
  name: Name,
  change: (message: Message<Name>) => Message<Name> | undefined,
): Ground {
  // Sound: the channel of a name carries the messages of that name.
  const channel = ground.telemetry[name] as unknown as Channel<Message<Name>>
  let count = 0
  const changed = delegating(channel, {
    publish(message: Message<Name>) {
      count += 1
      const published = count % EVERY === 0 ? change(message) : message
      if (published !== undefined) channel.publish(published)
    },
  })
  return { ...ground, telemetry: { ...ground.telemetry, [name]: changed } }
}

function serving(house: House, change: (reply: Reply) => Reply): House {
  const { gateway } = house
  return {
    ...house,
    gateway: delegating(gateway, {
      serve: async (exchange, admission) => change(await gateway.serve(exchange, admission)),
    }),
  }
}

async function* stuttering(body: Reply['body']): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body
    return
  }
  let count = 0
  for await (const chunk of body) {
    yield chunk
    count += 1
    if (count % EVERY === 2) yield chunk
  }
}

function callingTwice(transport: Transport): Transport {
  let count = 0
  return delegating(transport, {
    send(request, handler) {
      count += 1
      if (count % EVERY === 0) transport.send(request, NOBODY)
      return transport.send(request, handler)
    },
  })
}

const NOBODY = { onSend() {}, onHeaders() {}, onData() {}, onEnd() {}, onFailure() {} }

function keepingPlaces(house: House): House {
  const { gateway } = house
  let count = 0
  return {
    ...house,
    gateway: delegating(gateway, {
      admit(clientKey, priority) {
        const admission = gateway.admit(clientKey, priority)
        if (admission instanceof Promise) throw new Error('the keys of a drill are all known')
        count += 1
        return count % EVERY === 0 ? { ...admission, release() {} } : admission
      },
    }),
  }
}

function deaf(transport: Transport): Transport {
  return delegating(transport, {
    send: (request, handler) => delegating(transport.send(request, handler), { abort() {} }),
  })
}

function forgettingTimers(ground: Ground): Ground {
  const { clock } = ground
  let count = 0
  const after: typeof clock.after = (delayMs, callback) => {
    const timer = clock.after(delayMs, callback)
    count += 1
    return count % EVERY === 0 ? { cancel() {} } : timer
  }
  return { ...ground, clock: delegating(clock, { after }) }
}

const LONG_MS = 5_000

function lateTimers(ground: Ground): Ground {
  const { clock } = ground
  const after: typeof clock.after = (delayMs, callback) =>
    clock.after(delayMs >= LONG_MS ? delayMs * 2 : delayMs, callback)
  return { ...ground, clock: delegating(clock, { after }) }
}

function tellingSecrets(house: House): House {
  const { gateway } = house
  return {
    ...house,
    gateway: delegating(gateway, {
      async serve(exchange, admission) {
        try {
          return await gateway.serve(exchange, admission)
        } catch (thrown) {
          const { code, message, facts, cause, attempts } = toGatewayError(thrown)
          throw new GatewayError(code, `${message} The key was ${PLANTED_SECRET}.`, facts, cause, attempts)
        }
      },
    }),
  }
}

/** The same thing with some of its methods replaced; the others still see their own object. */
function delegating<Thing extends object>(thing: Thing, changes: Partial<Thing>): Thing {
  return new Proxy(thing, {
    get(target, name) {
      if (name in changes) return Reflect.get(changes, name)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
