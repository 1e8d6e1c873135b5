/** What real clients of this dialect send: coding agents, SDKs, their odd fields and their side calls. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { anthropicMessages } from './index.ts'

const clients = new URL('../../../../shared/clients/', import.meta.url)
const hasClients = existsSync(clients)
const why = hasClients ? '' : ' (skipped: no recordings beside the repository)'

interface ClientRequest {
  readonly id: string
  readonly path: string
  readonly body: JsonObject
}

function readClient(folder: string): readonly ClientRequest[] {
  return readdirSync(new URL(`${folder}/`, clients)).flatMap((file) => {
    const recorded = JSON.parse(readFileSync(new URL(`${folder}/${file}`, clients), 'utf8')) as {
      exchanges?: readonly { request: { path: string; body?: unknown }; response?: { status?: number } }[]
    }
    return (recorded.exchanges ?? []).flatMap(({ request, response }) =>
      isJsonObject(request.body) &&
      /\/messages(?:\/count_tokens)?$/.test(request.path) &&
      response?.status !== 400
        ? [{ id: `${folder}/${file}`, path: request.path, body: whole(request.body) }]
        : [],
    )
  })
}

/** The recordings name a repeated list instead of holding it again. */
function whole(body: JsonObject): JsonObject {
  const kept = Object.entries(body).filter(
    ([, value]) => typeof value !== 'string' || !value.startsWith('<same as'),
  )
  return Object.fromEntries(kept)
}

const requests = hasClients
  ? readdirSync(clients, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => readClient(name))
  : []

describe.skipIf(!hasClients)(`requests of real clients${why}`, () => {
  test('are peeked, read and said again without a loss, but for what 2023-06-01 cannot say', () => {
    expect(requests.length).toBeGreaterThan(100)
    for (const { id, path, body } of requests) {
      const bytes = Buffer.from(JSON.stringify(body))
      const envelope = anthropicMessages.peek(bytes, path.endsWith('count_tokens') ? 'count-tokens' : 'chat')
      expect(envelope.modelId, id).toBe(body['model'])
      const request = anthropicMessages.readRequest(bytes)
      const { losses, fields } = anthropicMessages.writeRequest(request, { modelId: 'm', stream: true })
      expect(
        losses.map(({ field }) => field).filter((field) => !field.startsWith('system.')),
        id,
      ).toEqual([])
      expect(fields['model'], id).toBe('m')
    }
  })

  test('of Claude Code lose their attribution block and keep their system message in place', () => {
    const own = requests.filter(
      ({ id, body }) => id.startsWith('claude-code/') && Array.isArray(body['system']),
    )
    expect(own.length).toBeGreaterThan(0)
    for (const { id, body } of own) {
      const { messages } = anthropicMessages.readRequest(Buffer.from(JSON.stringify(body)))
      const texts = messages.flatMap(({ parts }) =>
        parts.map((part) => (part.type === 'text' ? part.text : '')),
      )
      expect(
        texts.some((text) => text.startsWith('x-anthropic-billing-header')),
        id,
      ).toBe(false)
    }
    const late = own.map(
      ({ body }) => anthropicMessages.readRequest(Buffer.from(JSON.stringify(body))).messages,
    )
    expect(late.some((messages) => messages.slice(1).some(({ role }) => role === 'system'))).toBe(true)
  })
})
