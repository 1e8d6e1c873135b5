import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'

const answer = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
})

const foreign = {
  'set-cookie': 'session=1',
  server: 'somebody',
  'openai-organization': 'org-abc',
  'openai-project': 'proj-abc',
  'anthropic-organization-id': 'org-abc',
  'anthropic-ratelimit-requests-limit': '7',
  'x-ratelimit-limit-requests': '7',
  'cf-ray': 'abc',
  location: 'http://127.0.0.1:1/',
  'x-powered-by': 'somebody',
}

test.each([200, 301, 302, 307, 308, 400, 429, 500])(
  'SEC-4, SEC-24: what a provider says of itself and of us in headers stays here (status %i)',
  async (status) => {
    const upstream = createServer((request, response) => {
      request.resume()
      const body = status === 200 ? answer : '{"error":{"message":"no","type":"x"}}'
      response.writeHead(status, { 'content-type': 'application/json', ...foreign }).end(body)
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    // A listening TCP server has an AddressInfo.
    const { port } = upstream.address() as AddressInfo
    await using gateway = await startTestGateway({
      config: {
        discover: false,
        providers: { up: { dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${port}/v1` } },
        routes: { smart: { targets: ['up/m'], retries: 0 } },
      },
    })
    const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      redirect: 'manual',
      body: JSON.stringify({ model: 'smart', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
    })
    expect(await reply.text()).not.toContain('127.0.0.1:1')
    expect(reply.status === 200).toBe(status === 200)
    expect(reply.status < 300 || reply.status >= 400).toBe(true)
    for (const name of Object.keys(foreign)) expect(reply.headers.get(name), name).toBeNull()
    upstream.close()
    upstream.closeAllConnections()
  },
)
