/** Budgets for whom clients name: in whatever letters, by whatever header or field of the body, one person has one budget. */

import { expect, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import { DOLLAR, type MoneyAsking, openMoneyStage } from '../support/money-stage.ts'

/** As a program sends it that writes its headers in UTF-8; `fetch` itself writes Latin-1. */
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

const chat = { client: 'openai-chat', model: 'chat/m' } as const
const messages = { client: 'anthropic-messages', model: 'messages/m' } as const
const responses = { client: 'openai-responses', model: 'responses/m' } as const

/** All the ways of saying that it is for Müller. */
const WAYS: readonly MoneyAsking[] = [
  { ...chat, headers: { 'x-holdfast-user': utf8('müller') } },
  { ...chat, headers: { 'x-holdfast-user': 'müller' } },
  { ...chat, headers: { 'x-holdfast-user': utf8('mu\u0308ller') } },
  { ...chat, headers: { 'x-portkey-metadata': '{"_user":"m\\u00fcller"}' } },
  { ...chat, headers: { 'cf-aig-metadata': utf8('{"_user":"müller"}') } },
  { ...chat, body: { user: 'müller' } },
  { ...chat, body: { safety_identifier: 'müller' } },
  { ...responses, body: { user: 'müller' } },
  { ...messages, body: { metadata: { user_id: 'müller' } } },
  { ...messages, headers: { 'x-holdfast-user': 'müller' }, body: { metadata: { user_id: 'somebody else' } } },
]

test('a budget for an end user with an umlaut is spent and refuses, however the name is said', async () => {
  let key = ''
  const budgets: Budget[] = []
  const stage = await openMoneyStage({
    async prepare(ledger) {
      key = (await ledger.key({ name: 'laptop' })).secret
      // As it is kept now, and as an older gateway kept it.
      for (const id of ['m%C3%BCller', 'müller'])
        budgets.push(await ledger.budget({ name: id, scope: { kind: 'end-user', id }, nanoUsd: DOLLAR / 10 }))
    },
  })
  const ask = ({ body, ...way }: MoneyAsking, prompt: string) =>
    stage.ask({ ...way, key, prompt, body: { ...body, [CEILINGS[way.client] ?? '']: 20 } })
  let spent = 0
  for (const way of WAYS) {
    const answer = await ask(way, 'hi')
    expect([way, answer.status]).toEqual([way, 200])
    const { request, attempts } = await stage.record(answer)
    expect([way, request.attribution.endUser]).toEqual([way, 'm%C3%BCller'])
    expect(attempts[0]?.attribution).toEqual(request.attribution)
    spent += request.costNanoUsd ?? Number.NaN
    for (const budget of budgets) expect((await stage.standing(budget)).spent).toBe(spent)
  }
  const dear = 'x'.repeat(40_000)
  for (const way of WAYS) {
    const { status, error } = await ask(way, dear)
    expect([way, status, error?.code]).toEqual([way, 429, 'budget_exceeded'])
  }
  const other = await ask({ ...chat, headers: { 'x-holdfast-user': 'muller' } }, dear)
  expect(other.status).toBe(200)
})

const CEILINGS: Readonly<Record<string, string>> = {
  'openai-chat': 'max_tokens',
  'anthropic-messages': 'max_tokens',
  'openai-responses': 'max_output_tokens',
}

test('an embedding counts for the end user that its body names', async () => {
  let key = ''
  const stage = await openMoneyStage({
    prepare: async (ledger) => void ({ secret: key } = await ledger.key({ name: 'laptop' })),
  })
  const answer = await fetch(`${stage.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'chat/m', input: 'hi', user: 'ada' }),
  })
  await answer.arrayBuffer()
  const { request } = await stage.record(answer)
  expect(request).toMatchObject({ operation: 'embeddings', attribution: { endUser: 'ada' } })
})

test('Claude Code is one end user in all of its sessions, which stand apart', async () => {
  const stage = await openMoneyStage()
  const device = '0123456789abcdef'.repeat(4)
  for (const session of ['session-1', 'session-2']) {
    const user_id = JSON.stringify({ device_id: device, account_uuid: '', session_id: session })
    const answer = await stage.ask({ ...messages, body: { metadata: { user_id } } })
    const { request } = await stage.record(answer)
    expect(request.attribution).toMatchObject({ endUser: device, sessionId: session })
  }
})
