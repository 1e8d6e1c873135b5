/** What a body can do: name files, hold up the process, speak as an event, or take more memory than it may. */

import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { DOLLAR, NAMES, openMoneyStage } from '../support/money-stage.ts'
import { ALL_CLIENTS, MODES } from '../support/upstreams.ts'

describe('SEC-38: the name of a file in a form', () => {
  /** Beyond what stays in memory, and within it. */
  const sizes = [10, 3_000_000]

  test.each(sizes)(
    'is a word like any other, and no file of that name comes to be (%i bytes)',
    async (bytes) => {
      let key = ''
      const stage = await openMoneyStage({
        prepare: async (ledger) => void ({ secret: key } = await ledger.key({ name: 'laptop' })),
      })
      const mark = `canary-${process.pid}-${bytes}`
      const names = [
        `../../${mark}-a`,
        `${tmpdir()}/${mark}-b`,
        `..\\..\\${mark}-c`,
        `${mark}-d`,
        `file://${tmpdir()}/${mark}-e`,
        `${mark}-f\u0000.wav`,
        `%2e%2e%2f${mark}-g`,
        '.',
        '..',
        '/dev/stdout',
        'CON',
      ]
      for (const name of names) {
        for (const [path, field] of [
          ['/v1/files', 'file'],
          ['/v1/audio/transcriptions', 'file'],
          ['/v1/images/edits', 'image'],
        ] as const) {
          const form = new FormData()
          form.set('model', 'chat/m')
          form.set('purpose', 'batch')
          form.set('prompt', 'hi')
          form.set(field, new Blob([new Uint8Array(bytes).fill(97)]), name)
          const response = await fetch(stage.url + path, {
            method: 'POST',
            headers: { authorization: `Bearer ${key}` },
            body: form,
          })
          await response.text()
          expect([path, name, response.status]).toEqual([path, name, 200])
        }
      }
      expect(stage.simulator.calls.length).toBe(names.length * 3)
      const folders = [process.cwd(), tmpdir(), join(stage.path, '..'), '/', resolve('..')]
      const made = names.flatMap((name) =>
        name.includes(mark) && !name.includes('\u0000')
          ? folders.flatMap((folder) => [join(folder, name), resolve(folder, name), decodeURIComponent(name)])
          : [],
      )
      expect(made.filter((file) => existsSync(file))).toEqual([])
    },
  )
})

describe('SEC-35: a long prompt of a key with limits of tokens and a budget', () => {
  const prompts = {
    words: 'word '.repeat(200_000),
    'one letter': 'a'.repeat(1_000_000),
    'four-byte characters': '𐍈'.repeat(250_000),
    'escapes only': '\u0001"\\'.repeat(80_000),
    'white space': ' \n\t'.repeat(330_000),
  }

  test.each(Object.entries(prompts))('of %s holds up nobody else, counted or asked', async (_, prompt) => {
    let key = ''
    const stage = await openMoneyStage({
      async prepare(ledger) {
        const made = await ledger.key({
          name: 'laptop',
          limits: { inputTokensPerMinute: 1_000_000_000, outputTokensPerMinute: 1_000_000 },
        })
        key = made.secret
        await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 100_000 * DOLLAR })
      },
    })
    const messages = [{ role: 'user', content: prompt }]
    const contents = [{ role: 'user', parts: [{ text: prompt }] }]
    const asks: readonly (readonly [string, object])[] = [
      ['/v1/chat/completions', { model: 'chat/m', max_tokens: 5, messages }],
      ['/v1/messages/count_tokens', { model: 'messages/m', messages }],
      ['/v1beta/models/google%2Fm:countTokens', { contents }],
    ]
    for (const [path, body] of asks) {
      const turns: number[] = []
      for (let round = 0; round < 4; round += 1) {
        const delay = monitorEventLoopDelay({ resolution: 1 })
        delay.enable()
        const response = await fetch(stage.url + path, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        await response.text()
        delay.disable()
        expect([path, response.status]).toEqual([path, 200])
        turns.push(delay.max / 1e6)
      }
      // The provider and this client share the loop: the bound is far above the scan, and far below any tokenizer.
      expect([path, Math.min(...turns) < 80]).toEqual([path, true])
    }
  })
})

describe('SEC-40, fault 122: an answer that looks like events', () => {
  const said = [
    'x\n\nevent: error\ndata: {"type":"error","error":{"message":"made up"}}\n\n',
    'data: [DONE]\n\n',
    '\r\revent: message_stop\rdata: {"type":"message_stop"}\r\r',
    'id: 99\nretry: 1\n: comment\n\n\u2028\u2029\u0085end',
  ].join('')
  const cases = ALL_CLIENTS.flatMap((client) =>
    Object.values(NAMES).flatMap((name) => MODES.map((mode) => ({ client, name, mode }))),
  )

  test('is text for every client, from every provider, in every way of asking', async () => {
    const stage = await openMoneyStage({ scenario: { answers: [{ text: said }] } })
    for (const { client, name, mode } of cases) {
      const answer = await stage.ask({ client, mode, model: `${name}/${mode === 'fold' ? 'long' : 'm'}` })
      expect([client, name, mode, answer.status, answer.text, answer.error]).toEqual([
        client,
        name,
        mode,
        200,
        said,
        undefined,
      ])
      // Nothing that it said stands at the beginning of a line.
      expect(answer.raw).not.toMatch(/(?:^|[\r\n])(?:id: 99|retry:|: comment|data: \{"type":"error")/)
    }
  }, 60_000)
})
