/** Streams as servers bend them: what is read of them, and what passes through. */

import { describe, expect, test } from 'vitest'
import { type InferenceEvent, isContent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { foldEvents, gist, passThrough, readStream } from '../dialect.contract.ts'
import { openaiResponses } from './index.ts'

const bytesOf = (text: string) => Buffer.from(text)
const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`

/** An event's fields, whatever they are. */
interface Said {
  readonly type: string
  readonly [field: string]: unknown
}

const event = (value: Said) => `event: ${value.type}\n${data(value)}`
const created = {
  type: 'response.created',
  response: { id: 'resp_1', model: 'm', status: 'in_progress', output: [] },
}
const message = (text: string) => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [] }],
})
const delta = (text: string, more: object = {}) => ({
  type: 'response.output_text.delta',
  item_id: 'msg_1',
  output_index: 0,
  content_index: 0,
  delta: text,
  ...more,
})
const completed = (output: readonly object[], more: object = {}) => ({
  type: 'response.completed',
  response: { id: 'resp_1', model: 'm', status: 'completed', output, ...more },
})
const readAll = (...events: readonly Said[]) =>
  readStream(openaiResponses, [bytesOf(events.map(event).join(''))])
const textOf = (events: readonly InferenceEvent[]) => gist(foldEvents(events))[0]?.text

describe('words', () => {
  test('before a failure in the same chunk are read before it', () => {
    const failed = {
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: 'x' } },
    }
    const added = {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...message(''), content: [] },
    }
    const events = readAll(created, added, delta('half '), delta('of it'), failed)
    expect(textOf(events)).toBe('half of it')
    expect(events.at(-1)?.type).toBe('error')
  })

  test('that only the last event says are not lost', () => {
    expect(textOf(readAll(created, completed([message('all of it')])))).toBe('all of it')
  })

  test('that only the end of an item says are not lost, and not doubled by the last event', () => {
    const done = { type: 'response.output_item.done', output_index: 0, item: message('all') }
    expect(textOf(readAll(created, done, completed([message('all')])))).toBe('all')
  })

  test('that deltas left out are added, once', () => {
    const done = {
      type: 'response.output_text.done',
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      text: 'ab',
    }
    expect(textOf(readAll(created, delta('a'), done, completed([message('ab')])))).toBe('ab')
  })

  test('come through where no item was announced and nothing has a number', () => {
    const bare = { type: 'response.output_text.delta', delta: 'a' }
    expect(textOf(readAll(created, bare, { ...bare, delta: 'b' }, completed([])))).toBe('ab')
  })

  test('observation 7: neither event lines nor [DONE] matter', () => {
    const text = data(created) + data(delta('a')) + data(completed([message('a')]))
    expect(textOf(readStream(openaiResponses, [bytesOf(`${text}data: [DONE]\n\n`)]))).toBe('a')
    const out = passThrough(openaiResponses, [bytesOf(`${text}data: [DONE]\n\n`)])
    expect(out).toBe([created, delta('a'), completed([message('a')])].map(event).join(''))
  })

  test('arrive although a plain answer came where a stream was asked for', () => {
    const plain = JSON.stringify({ object: 'response', ...completed([message('a')]).response })
    expect(textOf(readStream(openaiResponses, [bytesOf(plain)]))).toBe('a')
    const out = passThrough(openaiResponses, [bytesOf(plain)])
    expect(textOf(readStream(openaiResponses, [bytesOf(out)]))).toBe('a')
    expect(out).toMatch(/^event: response\.created\n/)
  })
})

describe('fault 82: numbers out of order', () => {
  const numbered = (...numbers: readonly number[]) =>
    [created, delta('a'), delta('b'), completed([message('ab')])]
      .map((value, index) => event({ ...value, sequence_number: numbers[index] }))
      .join('')

  test('are noted, and the order is kept as it came', () => {
    const reader = openaiResponses.createStreamReader()
    const events = [...reader.read(bytesOf(numbered(0, 2, 1, 3))), ...reader.end()]
    expect(textOf(events)).toBe('ab')
    expect([reader.isComplete, reader.anomalies > 0]).toEqual([true, true])
  })

  test('with words missing that the end brings back are noted only', () => {
    const text =
      event({ ...created, sequence_number: 0 }) + event({ ...completed([message('ab')]), sequence_number: 9 })
    expect(textOf(readStream(openaiResponses, [bytesOf(text)]))).toBe('ab')
  })

  test('with words missing in between are a truncation', () => {
    const values = [created, delta('a'), delta('c'), completed([message('abc')])]
    const text = values
      .map((value, index) => event({ ...value, sequence_number: index > 1 ? index + 1 : index }))
      .join('')
    const reader = openaiResponses.createStreamReader()
    const events = [...reader.read(bytesOf(text)), ...reader.end()]
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_truncated' } })
    expect(reader.isComplete).toBe(false)
  })
})

describe('reasoning', () => {
  test('of several parts is as many parts, under one id; its encryption comes with the last', () => {
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ text: 'one' }, { text: 'two' }],
      encrypted_content: 'gAAA',
    }
    const at = (index: number) => ({ item_id: 'rs_1', output_index: 0, summary_index: index })
    const grow = (index: number, text: string) => ({
      type: 'response.reasoning_summary_text.delta',
      ...at(index),
      delta: text,
    })
    const events = readAll(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { ...item, summary: [] } },
      grow(0, 'one'),
      grow(1, 'tw'),
      grow(1, 'o'),
      { type: 'response.output_item.done', output_index: 0, item },
      completed([item]),
    )
    expect(foldEvents(events).candidates[0]?.parts).toEqual([
      { type: 'reasoning', text: 'one', id: 'rs_1' },
      { type: 'reasoning', text: 'two', id: 'rs_1', encrypted: 'gAAA' },
    ])
  })

  test('is told to whoever remembers its maker', () => {
    const states: string[] = []
    const item = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' }
    const passthrough = openaiResponses.createPassthrough({
      hidesUsage: false,
      onState: (state) => states.push(state),
    })
    passthrough.read(bytesOf(event({ type: 'response.output_item.done', output_index: 0, item })))
    expect(states).toEqual(['gAAA'])
  })

  test('that says nothing is no part of an answer', () => {
    const item = { type: 'reasoning', id: 'rs_1', summary: [] }
    const events = readAll(created, completed([item, message('a')]))
    expect(foldEvents(events).candidates[0]?.parts).toEqual([{ type: 'text', text: 'a' }])
  })
})

describe('an end', () => {
  const finishOf = (response: object) =>
    foldEvents(readAll(created, { type: 'response.incomplete', response })).candidates[0]?.finish?.reason

  test('says why', () => {
    const incomplete = (reason: string) => ({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [message('a')],
    })
    expect(finishOf(incomplete('max_output_tokens'))).toBe('length')
    expect(finishOf(incomplete('content_filter'))).toBe('content-filter')
    expect(finishOf({ status: 'incomplete', output: [message('a')] })).toBe('other')
  })

  test('that never came is not made up', () => {
    const text = [created, delta('a')].map(event).join('')
    expect(passThrough(openaiResponses, [bytesOf(text)])).toBe(text)
    const reader = openaiResponses.createStreamReader()
    expect([...reader.read(bytesOf(text)), ...reader.end()].some(({ type }) => type === 'finish')).toBe(false)
  })

  test('is handed on whole, items put back that it left out', () => {
    const wholes: unknown[] = []
    const read = (output: readonly object[]) => {
      const passthrough = openaiResponses.createPassthrough({
        hidesUsage: false,
        onWhole: (answer) => wholes.push(JSON.parse(Buffer.from(answer).toString())),
      })
      const done = { type: 'response.output_item.done', output_index: 0, item: message('a') }
      passthrough.read(bytesOf([created, done, completed(output)].map(event).join('')))
    }
    read([message('a')])
    read([])
    expect(wholes).toEqual([completed([message('a')]).response, completed([message('a')]).response])
  })
})

test('fault 49: an answer without words has no content, to the reader and in passing', () => {
  const events = readAll(created, completed([message(''), { type: 'reasoning', id: 'rs_1', summary: [] }]))
  expect(events.some(isContent)).toBe(false)
  const passthrough = openaiResponses.createPassthrough({ hidesUsage: false })
  passthrough.read(bytesOf([created, completed([message('')])].map(event).join('')))
  expect([passthrough.facts.isComplete, passthrough.facts.hasContent]).toEqual([true, false])
})

describe('an error', () => {
  const flat = { type: 'error', code: 'rate_limit_exceeded', message: 'Slower.', param: null }
  const nested = { type: 'error', error: { code: 'rate_limit_exceeded', message: 'Slower.' } }
  const failed = {
    type: 'response.failed',
    response: {
      id: 'resp_1',
      status: 'failed',
      error: { code: 'rate_limit_exceeded', message: 'Slower.' },
    },
  }

  test('observation 14: nested, flat or of the response, it is the same error, and said once', () => {
    for (const errors of [[flat], [nested], [failed], [nested, failed]]) {
      const events = readAll(created, delta('a'), ...errors)
      expect(events.filter(({ type }) => type === 'error')).toMatchObject([
        { error: { code: 'rate_limited' } },
      ])
    }
  })

  test('is not let through; ours goes on with the id and the numbers of the stream', () => {
    const passthrough = openaiResponses.createPassthrough({ hidesUsage: false })
    const begun = event({ ...created, sequence_number: 0 }) + event(delta('a', { sequence_number: 1 }))
    const out = Buffer.from(passthrough.read(bytesOf(begun + event(failed)))).toString()
    expect(out).toBe(begun)
    expect(passthrough.facts.error?.code).toBe('rate_limited')
    const error = new GatewayError('upstream_overloaded', 'Busy.')
    const said = passthrough.writeError?.(error, { requestId: 'r', attempts: [] }) ?? ''
    expect(said).toMatch(/^event: response\.failed\n/)
    expect(JSON.parse(said.split('data: ')[1] ?? '')).toMatchObject({
      sequence_number: 2,
      response: { id: 'resp_1', status: 'failed', error: { message: 'Busy.' } },
    })
  })
})

describe('fault 82: what passes through a gap', () => {
  const numbered = (values: readonly Said[]) =>
    values.map((value, index) => event({ ...value, sequence_number: index }))
  const done = (text: string) => ({
    type: 'response.output_text.done',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    text,
  })
  const said = numbered([
    created,
    delta('One '),
    delta('two '),
    delta('three'),
    done('One two three'),
    completed([]),
  ])

  const passed = (events: readonly string[]) => {
    const passthrough = openaiResponses.createPassthrough({ hidesUsage: false })
    const text = events.map((one) => Buffer.from(passthrough.read(bytesOf(one))).toString()).join('')
    return { text: text + Buffer.from(passthrough.end()).toString(), facts: passthrough.facts }
  }

  test('a lost word ends it before the text that repeats all of them', () => {
    const { text, facts } = passed(said.toSpliced(2, 1))
    expect(facts.error).toMatchObject({ code: 'upstream_truncated' })
    expect(text).toBe([said[0], said[1], said[3]].join(''))
    expect(passed([said.toSpliced(2, 1).join('')]).text).toBe(text)
  })

  test('a lost event without words changes nothing, and neither does a text that is polished at its end', () => {
    const gap = [
      ...said.slice(0, 1),
      event({ ...created, type: 'response.in_progress', sequence_number: 9 }),
      ...said.slice(1),
    ]
    expect(passed(gap).facts).toMatchObject({ error: undefined, isComplete: true })
    const polished = numbered([created, delta('One '), done('One.'), completed([])])
    expect(passed(polished)).toMatchObject({ text: polished.join(''), facts: { error: undefined } })
  })

  test('words that are lost at the end alone are said by the text that repeats them', () => {
    expect(passed(said.toSpliced(2, 2)).facts).toMatchObject({ error: undefined, isComplete: true })
    expect(passed(said.toSpliced(1, 1)).facts.error).toMatchObject({ code: 'upstream_truncated' })
  })

  test('words that change places are no answer', () => {
    const [first, second, third, ...rest] = said
    const swapped = [first, third, second, ...rest].filter((one) => one !== undefined)
    expect(passed(swapped).facts.error).toMatchObject({ code: 'upstream_truncated' })
  })

  test('an event that comes twice under one number is said once', () => {
    const repeated = said.toSpliced(2, 0, said[1] ?? '')
    const { text, facts } = passed(repeated)
    expect(text).toBe(said.join(''))
    expect(facts).toMatchObject({ error: undefined, isComplete: true, anomalies: 1 })
    const whole = readStream(openaiResponses, said.map(bytesOf))
    expect(readStream(openaiResponses, repeated.map(bytesOf))).toEqual(whole)
  })

  test('where all have one number, a word that comes twice was said twice', () => {
    const same = [created, delta('ha'), delta('ha'), done('haha'), completed([])].map((value) =>
      event({ ...value, sequence_number: 0 }),
    )
    expect(passed(same)).toMatchObject({ text: same.join(''), facts: { error: undefined, isComplete: true } })
  })

  test('the calls and the texts of several items are told apart', () => {
    const call = (type: string, more: object) => ({
      type: `response.function_call_arguments.${type}`,
      item_id: 'fc_1',
      ...more,
    })
    const mixed = numbered([
      created,
      delta('One'),
      call('delta', { delta: '{"a":' }),
      delta(' two'),
      call('delta', { delta: '1}' }),
      call('done', { arguments: '{"a":1}' }),
      done('One two'),
      completed([]),
    ]).toSpliced(0, 1)
    const skipped = [event({ ...created, sequence_number: 40 }), ...mixed]
    expect(passed(skipped).facts.error).toBeUndefined()
  })
})
