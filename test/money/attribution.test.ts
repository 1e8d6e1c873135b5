/** What clients say of a request in headers, theirs and other gateways', as it stands in the books. */

import { expect, test } from 'vitest'
import { openMoneyStage } from '../support/money-stage.ts'
import { ALL_CLIENTS } from '../support/upstreams.ts'
import { NAMES } from '../support/money-stage.ts'

test('own headers and those of other gateways name the end user, the session and the tags, and entries have them too', async () => {
  const ids: Record<string, string> = {}
  let key = ''
  const stage = await openMoneyStage({
    async prepare(ledger) {
      ids['teamId'] = await ledger.team('red')
      ids['projectId'] = await ledger.project('shop', { team: 'red' })
      ids['userId'] = await ledger.user('ada', 'red')
      const made = await ledger.key({ name: 'laptop', project: 'shop', user: 'ada' })
      ids['keyId'] = made.id
      key = made.secret
    },
  })
  const sayings = [
    { 'x-holdfast-user': 'u-1', 'x-holdfast-session': 's-1', 'x-holdfast-tags': 'app:shop,beta' },
    { 'x-litellm-end-user-id': 'u-1', 'helicone-session-id': 's-1', 'x-litellm-tags': 'app:shop,beta' },
    {
      'helicone-user-id': 'u-1',
      'helicone-session-id': 's-1',
      'helicone-property-app': 'shop',
      'x-holdfast-tags': 'beta',
    },
    {
      'cf-aig-metadata': '{"_user":"u-1","app":"shop"}',
      'x-holdfast-session': 's-1',
      'x-holdfast-tags': 'beta',
    },
    {
      'x-portkey-metadata': '{"_user":"u-1","app":"shop"}',
      'x-holdfast-session': 's-1',
      'x-holdfast-tags': 'beta',
    },
  ]
  const expected = { ...ids, keyName: 'laptop', endUser: 'u-1', sessionId: 's-1', tags: ['app:shop', 'beta'] }
  let sent = 0
  for (const client of ALL_CLIENTS) {
    for (const headers of sayings) {
      const answer = await stage.ask({ client, key, headers, model: `${NAMES[client]}/m` })
      sent += 1
      const { request, attempts } = await stage.record(answer)
      expect(request.attribution).toEqual(expected)
      expect(attempts.map(({ attribution }) => attribution)).toEqual([expected])
      // What is said to us is said to nobody else.
      const sentOn = JSON.stringify(stage.simulator.calls.at(-1)?.headers)
      expect(sentOn).not.toMatch(/holdfast-(user|tags|session)|litellm|helicone|portkey|cf-aig/)
    }
  }
  const { requests } = await stage.books(sent)
  expect(requests).toHaveLength(sent)
  for (const where of [
    { 'end-user': 'u-1' },
    { tag: 'app:shop' },
    { session: 's-1' },
    { user: ids['userId'] ?? '' },
    { team: ids['teamId'] ?? '' },
  ]) {
    const [row] = await stage.store.spend({
      fromMs: 0,
      untilMs: Date.now() + 3_600_000,
      by: [],
      where,
      rowsMax: 5,
    })
    expect([where, row?.entries]).toEqual([where, sent])
  }
})

test('the requests of one agent stand together, by the headers that agents send', async () => {
  const stage = await openMoneyStage()
  const agents = ['x-session-id', 'x-session-affinity', 'x-claude-code-session-id', 'session-id', 'thread-id']
  for (const [place, header] of agents.entries()) {
    const session = `agent-${place}`
    for (const title of ['title', 'work', 'memory']) {
      const headers = { [header]: session }
      await stage.record(await stage.ask({ client: 'openai-chat', prompt: title, headers }))
    }
    const page = await stage.store.requests({ sessionId: session, limit: 10 })
    expect([header, page.rows.length]).toEqual([header, 3])
    const [row] = await stage.store.spend({
      fromMs: 0,
      untilMs: Date.now() + 3_600_000,
      by: ['session'],
      where: { session },
      rowsMax: 5,
    })
    expect(row?.group).toEqual([session])
    expect(row?.entries).toBe(3)
  }
})

test('a refused request stands in the books under its key too, and one without a key does not', async () => {
  let key = ''
  const stage = await openMoneyStage({
    prepare: async (ledger) => void ({ secret: key } = await ledger.key({ name: 'laptop' })),
  })
  const answer = await stage.ask({
    client: 'openai-chat',
    key,
    model: 'nobody/x',
    headers: { 'x-holdfast-tags': 'a' },
  })
  const { request, attempts } = await stage.record(answer)
  expect(request).toMatchObject({ state: 'rejected', status: 404, code: 'model_not_found', costNanoUsd: 0 })
  expect(request.attribution).toMatchObject({ keyName: 'laptop', tags: ['a'] })
  expect(attempts).toEqual([])
  await stage.ask({ client: 'openai-chat' })
  const { requests } = await stage.books(1)
  expect(requests).toHaveLength(1)
})
