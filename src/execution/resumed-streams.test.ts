/** Faults 57 to 59: a stream cut after each of its events and gone on with by another answer is the stream uncut. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { isJsonObject, type JsonObject, parseJson } from '../std/json.ts'
import {
  foldAll,
  goOn,
  options,
  readAll,
  remainder,
  resumeAt,
  type Story,
  stories,
  type Voice,
  voices,
} from './resumed-streams.test-support.ts'

/** What an answer says, and who it says it is. */
function gist({ responseId, modelId, createdAtS, candidates }: InferenceResult) {
  const said = candidates.map(({ parts, finish }) => [finish?.reason, parts] as const)
  return { responseId, modelId, createdAtS, said }
}

function cutsOf(voice: Voice, story: Story): readonly number[] {
  return voice.events(story).map((_, index) => index + 1)
}

/** What keeps a stream from being resumed, as one letter a cut: it goes on (.), or is over, or inside of something. */
function obstacles({ dialect, events }: Voice, story: Story): string {
  const letters = cutsOf({ dialect, events }, story).map((count) => {
    const bytes = events(story).slice(0, count)
    const resumed = dialect.resumeStream(
      bytes.map((event) => Buffer.from(event)),
      options,
    )
    if (resumed === undefined) return 'o'
    const { isRescuable, reason = '' } = resumed.delivered
    expect(isRescuable).toBe(reason === '')
    if (isRescuable) return '.'
    return /tool call/.test(reason) ? 'c' : /reasoning|an item of it is open/.test(reason) ? 'r' : reason
  })
  return letters.join('')
}

const expectedObstacles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Reasoning has no proof here, and a call ends when something else begins.
  'openai-chat': {
    text: '......ooo',
    'text after reasoning': '........ooo',
    'text after a finished tool call': '.ccc.....ooo',
    'a tool call after text': '......cccooo',
  },
  'anthropic-messages': {
    text: '.........oo',
    'text after reasoning': '..rrrr........oo',
    'text after a finished tool call': '..ccc........oo',
    'a tool call after text': '.........ccc.oo',
  },
  'openai-responses': {
    text: '............o',
    'text after reasoning': '..rrrrrr...........o',
    'text after a finished tool call': '..cccc...........o',
    'a tool call after text': '............cccc.o',
  },
  gemini: {
    text: '.....o',
    'text after reasoning': 'rr......o',
    'text after a finished tool call': '......o',
    'a tool call after text': '......o',
  },
}

/** The objects of a stream's events, with `[DONE]` left out. */
function objectsOf(text: string): readonly JsonObject[] {
  return [...text.matchAll(/^data: (.*?)\r?$/gm)].map(([, data = '']) => parseJson(data)).filter(isJsonObject)
}

describe.each(voices.map((voice) => [voice.dialect.id, voice] as const))('%s', (_id, voice) => {
  describe.each([...stories])('%s', (name, story) => {
    const events = voice.events(story)
    const uncut = gist(foldAll(readAll(voice.dialect, events.join(''))))
    const resumable = cutsOf(voice, story).filter((count) => resumeAt(voice, story, count) !== undefined)

    test('cannot be resumed inside a tool call or signed reasoning, and need not be once it is whole', () => {
      expect(obstacles(voice, story)).toEqual(expectedObstacles[voice.dialect.id]?.[name])
    })

    test('goes on with what a provider appends', () => {
      for (const count of resumable) {
        const resumed = resumeAt(voice, story, count)
        // A continuation has a beginning to go on from; reasoning alone is none.
        if (resumed === undefined || (resumed.delivered.text === '' && story[0]?.type === 'reasoning'))
          continue
        const had = events.slice(0, count).join('')
        const whole = goOn(had, resumed, 'append', remainder(story, resumed.delivered)) ?? ''
        expect(gist(foldAll(readAll(voice.dialect, whole))), `cut ${count}`).toEqual(uncut)
        expect(faultsIn(voice, whole), `cut ${count}`).toEqual([])
      }
    })

    test.each(voices.map((other) => [other.dialect.id, other] as const))(
      'goes on with the same answer from a provider of %s',
      (_other, other) => {
        const again = readAll(other.dialect, other.events(story).join(''))
        for (const count of resumable) {
          const resumed = resumeAt(voice, story, count)
          if (resumed === undefined) continue
          const had = events.slice(0, count).join('')
          const whole = goOn(had, resumed, 'verify', again) ?? 'diverged'
          const result = foldAll(readAll(voice.dialect, whole))
          expect(withoutProofs(gist(result)), `cut ${count}`).toEqual(withoutProofs(uncut))
          expect(faultsIn(voice, whole), `cut ${count}`).toEqual([])
        }
      },
    )
  })
})

describe.each(voices.map((voice) => [voice.dialect.id, voice] as const))('%s, translated', (_id, voice) => {
  test.each(
    voices.flatMap((other) =>
      [...stories].map(([name, story]) => [other.dialect.id, name, other, story] as const),
    ),
  )('from %s: %s', (_other, _name, other, story) => {
    const again = readAll(other.dialect, other.events(story).join(''))
    const pieces = translate(voice.dialect, again)
    const uncut = withoutProofs(gist(foldAll(readAll(voice.dialect, pieces.join('')))))
    let resumable = 0
    for (let count = 1; count < pieces.length; count += 1) {
      const had = pieces.slice(0, count)
      const resumed = voice.dialect.resumeStream(
        had.map((piece) => Buffer.from(piece)),
        options,
      )
      if (resumed?.delivered.isRescuable !== true) continue
      resumable += 1
      const whole = goOn(had.join(''), resumed, 'verify', again)
      // Calls of a chat end with its stream: a dialect that says them whole has them in another place.
      if (whole === undefined && other.dialect.id === 'openai-chat' && story[0]?.type === 'call') continue
      if (whole === undefined) throw new Error(`cut ${count} diverges`)
      expect(withoutProofs(gist(foldAll(readAll(voice.dialect, whole)))), `cut ${count}`).toEqual(uncut)
      expect(faultsIn(voice, whole), `cut ${count}`).toEqual([])
    }
    expect(resumable).toBeGreaterThan(0)
  })
})

/** What our own writer says of these events, event by event. */
function translate(dialect: Dialect, events: readonly InferenceEvent[]): readonly string[] {
  const writer = dialect.createStreamWriter(options)
  return [...events.map((event) => writer.write(event)), writer.end()].filter((piece) => piece !== '')
}

/** Who made the reasoning signs it: another's proof is another, or a part of its own. */
function withoutProofs({ said, ...start }: ReturnType<typeof gist>): unknown {
  const plain = said.map(([finish, parts]) => [
    finish,
    parts.flatMap((part): unknown[] => {
      if (part.type === 'text') return [part.text]
      if (part.type === 'reasoning') return part.text === '' ? [] : [{ thought: part.text }]
      return part.type === 'tool-call' ? [[part.id, part.name, part.arguments]] : [part]
    }),
  ])
  return { ...start, plain }
}

/** What a client of the dialect would stumble over. */
function faultsIn({ dialect }: Voice, text: string): readonly string[] {
  const reader = dialect.createStreamReader()
  reader.read(Buffer.from(text))
  reader.end()
  const faults = reader.isComplete && reader.anomalies === 0 ? [] : ['the reader does not take it']
  const objects = objectsOf(text)
  switch (dialect.id) {
    case 'openai-chat':
      return [...faults, ...chatFaults(objects, text)]
    case 'anthropic-messages':
      return [...faults, ...messagesFaults(objects)]
    case 'openai-responses':
      return [...faults, ...responsesFaults(objects)]
    default:
      return faults
  }
}

function chatFaults(objects: readonly JsonObject[], text: string): readonly string[] {
  const ids = new Set(objects.map(({ id, model, created }) => JSON.stringify([id, model, created])))
  const roles = text.split('"role":"assistant"').length - 1
  const ends = text.split('data: [DONE]').length - 1
  return [ids.size === 1, roles === 1, ends === 1].flatMap((holds, at) => (holds ? [] : [`chat fault ${at}`]))
}

/** Blocks one after another, from 0, each begun, grown and ended; one start and one stop. */
function messagesFaults(objects: readonly JsonObject[]): readonly string[] {
  const faults: string[] = []
  let next = 0
  let open: number | undefined
  for (const { type, index } of objects) {
    if (type === 'content_block_start') {
      if (open !== undefined || index !== next) faults.push(`start ${JSON.stringify(index)}`)
      open = next
      next += 1
    } else if (type === 'content_block_delta' && index !== open) faults.push(`delta ${JSON.stringify(index)}`)
    else if (type === 'content_block_stop') {
      if (index !== open) faults.push(`stop ${JSON.stringify(index)}`)
      open = undefined
    }
  }
  for (const once of ['message_start', 'message_delta', 'message_stop'])
    if (objects.filter(({ type }) => type === once).length !== 1) faults.push(once)
  return open === undefined ? faults : [...faults, 'a block is open']
}

function announcedWith([first]: readonly JsonObject[]): unknown {
  return isJsonObject(first?.['response']) ? first['response']['metadata'] : undefined
}

function responsesFaults(objects: readonly JsonObject[]): readonly string[] {
  const faults: string[] = []
  for (const [place, { sequence_number: number }] of objects.entries())
    if (number !== place) faults.push(`number ${JSON.stringify(number)} at ${place}`)
  const of = (wanted: string) => objects.filter(({ type }) => type === wanted)
  const idsIn = (wanted: string) =>
    of(wanted).map(({ item, output_index: index }) => [index, isJsonObject(item) ? item['id'] : undefined])
  const begun = idsIn('response.output_item.added')
  const ended = idsIn('response.output_item.done')
  if (JSON.stringify(begun) !== JSON.stringify(ended)) faults.push('items begun are not the items ended')
  if (new Set(begun.map(([, id]) => id)).size !== begun.length) faults.push('an id twice')
  for (const [once, again] of [
    ['response.content_part.added', 'response.content_part.done'],
    ['response.content_part.done', 'response.output_text.done'],
  ] as const)
    if (of(once).length !== of(again).length) faults.push(`${once} without ${again}`)
  const [last] = of('response.completed')
  const response = isJsonObject(last?.['response']) ? last['response'] : {}
  const items = of('response.output_item.done').map(({ item }) => item)
  if (JSON.stringify(response['output']) !== JSON.stringify(items))
    faults.push('the last event says other items')
  if (JSON.stringify(response['metadata']) !== JSON.stringify(announcedWith(objects)))
    faults.push('what the response was announced with is gone')
  return of('response.created').length === 1 ? faults : [...faults, 'announced twice']
}
