/** A translator that is broken on purpose makes the conformance checks fail: each kind of damage, on streams of our own and on recordings. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../src/canonical/event.ts'
import { corpusFiles, corpusFolder, type Recording, readCorpusFile } from '../../conformance/corpus.ts'
import { replay } from '../../conformance/replay.ts'
import { gateway, type Room } from '../../conformance/room.ts'
import type { TargetDialect } from '../../src/dialects/dialect.ts'
import { anthropicRecording, chatRecording } from './hand-written.test-support.ts'

type Damage = (events: readonly InferenceEvent[]) => readonly InferenceEvent[]

/** Leaves out the last event that a test of ours holds for. */
function withoutLast(holds: (event: InferenceEvent) => boolean): Damage {
  return (events) => {
    const at = events.findLastIndex(holds)
    return at < 0 ? events : events.toSpliced(at, 1)
  }
}

const isArgument = (event: InferenceEvent) =>
  event.type === 'tool-call-delta' && !/^\s*(\{\s*\})?\s*$/.test(event.argumentsDelta)
const isText = (event: InferenceEvent) => event.type === 'text-delta' && event.text !== ''

const damages: readonly { readonly name: string; readonly damage: Damage }[] = [
  { name: 'drops one delta of tool arguments', damage: withoutLast(isArgument) },
  { name: 'drops the last delta of the text', damage: withoutLast(isText) },
  { name: 'swaps two deltas', damage: swapDeltas },
  {
    name: 'loses cached tokens',
    damage: (events) =>
      events.map((event) => {
        if (event.type !== 'usage-update') return event
        const { cacheReadTokens: _lost, ...usage } = event.usage
        return { ...event, usage }
      }),
  },
  {
    name: 'changes the finish',
    damage: (events) =>
      events.map((event) =>
        event.type === 'finish' ? { ...event, finish: { reason: 'length', raw: 'length' } } : event,
      ),
  },
  {
    name: 'drops a tool call',
    damage: (events) => {
      const call = events.find(({ type }) => type === 'tool-call-start')
      if (call === undefined || !('part' in call)) return events
      return events.filter((event) => !('part' in event) || event.part !== call.part)
    },
  },
]

function swapDeltas(events: readonly InferenceEvent[]): readonly InferenceEvent[] {
  const first = events.findIndex(isText)
  const second = events.findIndex((event, index) => index > first && isText(event))
  const [left, right] = [events[first], events[second]]
  if (left === undefined || right === undefined) return events
  return events.with(first, right).with(second, left)
}

const signatureLoss: Damage = (events) =>
  events.map((event) => {
    if (event.type !== 'reasoning-end') return event
    const { signature: _lost, ...rest } = event
    return rest
  })

/** The gateway, its reader of one dialect damaged. It must hold everything back to the end to do its damage. */
function brokenReader(broken: TargetDialect, damage: Damage): Room {
  const dialect = {
    ...broken,
    createStreamReader: () => {
      const reader = broken.createStreamReader()
      const held: InferenceEvent[] = []
      return {
        read(chunk: Uint8Array) {
          held.push(...reader.read(chunk))
          return []
        },
        end: () => damage([...held, ...reader.end()]),
        get isComplete() {
          return reader.isComplete
        },
        get isTerminated() {
          return reader.isTerminated
        },
        get anomalies() {
          return reader.anomalies
        },
      }
    },
  }
  return { ...gateway, targetDialects: new Map([...gateway.targetDialects, [broken.id, dialect]]) }
}

/** The gateway, its writers of streams damaged: the oracle agrees with the reader, and the SDKs must notice. */
function brokenWriters(damage: Damage): Room {
  const dialects = [...gateway.dialects].map(([id, dialect]) => {
    const createStreamWriter: typeof dialect.createStreamWriter = (options) => {
      const writer = dialect.createStreamWriter(options)
      const held: InferenceEvent[] = []
      return {
        write(event) {
          held.push(event)
          return ''
        },
        end: () =>
          damage(held)
            .map((event) => writer.write(event))
            .join('') + writer.end(),
        get losses() {
          return writer.losses
        },
      }
    }
    return [id, { ...dialect, createStreamWriter }] as const
  })
  return { ...gateway, dialects: new Map(dialects) }
}

async function failedChecks(recording: Recording, room: Room): Promise<readonly string[]> {
  const outcomes = await replay(recording, { seed: 1, room })
  return outcomes.filter(({ fault }) => fault !== undefined).map(({ check }) => check)
}

function targetOf(recording: Recording): TargetDialect {
  const dialect = [...gateway.targetDialects.values()].find(({ id }) => id === recording.file)
  if (dialect === undefined) throw new Error(`There is no dialect ${recording.file}.`)
  return dialect
}

function describeDamage(recording: Recording): void {
  test('is without fault as it is', async () => {
    expect(await failedChecks(recording, gateway)).toEqual([])
  })

  test.each(damages)('a reader that $name is caught by the oracle', async ({ damage }) => {
    const failed = await failedChecks(recording, brokenReader(targetOf(recording), damage))
    expect(failed).toContain('answer.read')
  })

  test.each(damages)('a writer that $name is caught by every SDK', async ({ damage }) => {
    const failed = await failedChecks(recording, brokenWriters(damage))
    for (const id of ['openai-chat', 'openai-responses', 'anthropic-messages']) {
      expect(failed).toContain(`to.${id}.stream`)
    }
  })
}

describe('a chat stream of our own', () => {
  describeDamage(chatRecording)
})

describe('a stream of Messages of our own', () => {
  describeDamage(anthropicRecording)

  test('a reader that drops a signature is caught by the oracle', async () => {
    const room = brokenReader(targetOf(anthropicRecording), signatureLoss)
    expect(await failedChecks(anthropicRecording, room)).toContain('answer.read')
  })

  test('a writer that drops a signature is caught by the SDK', async () => {
    const failed = await failedChecks(anthropicRecording, brokenWriters(signatureLoss))
    expect(failed).toContain('to.anthropic-messages.stream')
  })

  test('a passthrough that drops an event is caught', async () => {
    const { dialects } = gateway
    const dialect = dialects.get('anthropic-messages')
    if (dialect === undefined) throw new Error('There is no such dialect.')
    const leaky = {
      ...dialect,
      createPassthrough: (options: Parameters<typeof dialect.createPassthrough>[0]) => {
        const passthrough = dialect.createPassthrough(options)
        const drop = (bytes: Uint8Array) =>
          Buffer.from(
            Buffer.from(bytes)
              .toString()
              .replace(/event: content_block_delta\n.*\n\n/, ''),
          )
        return {
          read: (chunk: Uint8Array) => drop(passthrough.read(chunk)),
          end: () => passthrough.end(),
          facts: passthrough.facts,
        }
      },
    }
    const room = { ...gateway, dialects: new Map(dialects).set(dialect.id, leaky) }
    expect(await failedChecks(anthropicRecording, room)).toContain('passthrough.bytes')
  })
})

const folder = corpusFolder()
const isThere = corpusFiles(folder).includes('openai-chat')
const whySkipped = isThere ? '' : ' (skipped: no corpus beside the repository)'

/** Recorded streams that call tools, a few of each dialect. */
function recordedCalls(): readonly Recording[] {
  return ['openai-chat', 'anthropic-messages', 'openai-responses'].flatMap((file) =>
    readCorpusFile(folder, file)
      .recordings.filter(
        ({ response, tags, fidelity }) =>
          response.form === 'text' && response.status === 200 && tags.has('tool-call') && fidelity === 'wire',
      )
      .filter((recording) => hasArguments(recording))
      .slice(0, 3),
  )
}

function hasArguments(recording: Recording): boolean {
  const reader = targetOf(recording).createStreamReader()
  return [...reader.read(recording.response.bytes), ...reader.end()].some(isArgument)
}

describe.skipIf(!isThere)(`recorded streams that call tools${whySkipped}`, () => {
  test('damaged arguments are caught in each of them', async () => {
    const damage = withoutLast(isArgument)
    for (const recording of recordedCalls()) {
      const failed = await failedChecks(recording, brokenReader(targetOf(recording), damage))
      expect(failed, recording.id).toContain('answer.read')
      expect(
        failed.some((check) => check.startsWith('to.')),
        recording.id,
      ).toBe(true)
    }
  })
})
