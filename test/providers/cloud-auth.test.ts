/** The clouds' credentials over real sockets: a server on this machine checks each request as AWS and Google would. */

import { createVerify, generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { targetDialects } from '../../src/dialects/index.ts'
import { bedrock } from '../../src/providers/bedrock.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createTarget } from '../../src/providers/target.ts'
import { vertexGemini } from '../../src/providers/vertex-gemini.ts'
import { systemClock } from '../../src/std/clock.ts'
import { Secret } from '../../src/std/secret.ts'
import { createAuthorizers } from '../../src/upstream/authorize/authorizers.ts'
import { signaturesOf } from '../../src/upstream/authorize/sigv4.test-support.ts'
import { createRedactor } from '../../src/upstream/redact.ts'
import { createSender } from '../../src/upstream/send.ts'
import { createUndiciTransport } from '../../src/upstream/undici-transport.ts'
import { encodeEventStream } from '../../src/wire/eventstream-encode.ts'

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const MODEL = 'us.anthropic.claude-3-haiku-20240307-v1:0'

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void

/** A server that answers as told, and what asks it. */
async function stage(answer: Answer) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const transport = createUndiciTransport()
  onTestFinished(async () => {
    await transport.close()
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an address with a port.
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sender = createSender({
    transport,
    clock: systemClock,
    dialects: targetDialects,
    redactor: createRedactor(),
    authorizerOf: createAuthorizers({ transport, clock: systemClock }),
  })
  return { origin, sender }
}

function located(provider: Provider, address: string): Provider {
  const found = provider.at?.(address)
  if (!found) throw new Error(`${provider.id} has no addresses of its own`)
  return found
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

/** As Bedrock does: a wrong signature is refused, a right one answered, by the path that was asked. */
const asBedrock: Answer = (request, body, response) => {
  const { method = '', url = '', headers } = request
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  const { said, expected } = signaturesOf({ method, path: url, headers: texts, body }, SECRET)
  if (said !== expected || !texts['authorization']?.includes('/eu-west-1/bedrock/aws4_request')) {
    response.setHeader('x-amzn-errortype', 'InvalidSignatureException:http://internal.example/')
    json(response, 403, { message: 'The request signature does not match.' })
    return
  }
  if (!url.endsWith('/converse-stream')) return json(response, 200, { url })
  response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' })
  response.end(encodeEventStream({ ':event-type': 'messageStart' }, Buffer.from('{"role":"assistant"}')))
}

async function converse(credential: string, stream: boolean) {
  const { origin, sender } = await stage(asBedrock)
  const target = createTarget(located(bedrock, `${origin}?region=eu-west-1`), MODEL, new Secret(credential))
  const path =
    targetDialects.get('bedrock-converse')?.path({ operation: 'chat', modelId: MODEL, stream }) ?? ''
  const response = await sender.send({
    target,
    method: 'POST',
    path,
    headers: {},
    body: Buffer.from('{"messages":[]}'),
    stream,
    signal: new AbortController().signal,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return { framing: response.framing, body: Buffer.concat(chunks) }
}

test('a request to Bedrock carries a signature that a server accepts', async () => {
  const { body } = await converse(`AKIDEXAMPLE:${SECRET}:session+token/=`, false)
  expect(JSON.parse(body.toString())).toEqual({
    url: '/model/us.anthropic.claude-3-haiku-20240307-v1%3A0/converse',
  })
})

test('a stream of Bedrock comes through as it was sent', async () => {
  const { body } = await converse(`AKIDEXAMPLE:${SECRET}`, true)
  expect(body.includes('messageStart')).toBe(true)
})

test('a wrong secret is the operator’s to mend', async () => {
  await expect(converse('AKIDEXAMPLE:wrong', false)).rejects.toMatchObject({
    code: 'upstream_auth',
    facts: { upstreamType: 'InvalidSignatureException' },
  })
})

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** As Google does: tokens for assertions signed with the account's key, answers for tokens. */
function asGoogle(counts: { tokens: number }): Answer {
  return (request, body, response) => {
    if (request.url !== '/token') {
      const isKnown = request.headers.authorization === 'Bearer ya29.made'
      return json(response, isKnown ? 200 : 401, isKnown ? { url: request.url } : { error: { code: 401 } })
    }
    counts.tokens += 1
    const [head, claims, signature] = (new URLSearchParams(body).get('assertion') ?? '').split('.')
    const isGenuine = createVerify('RSA-SHA256')
      .update(`${head}.${claims}`)
      .verify(keys.publicKey, signature ?? '', 'base64url')
    if (!isGenuine) return json(response, 400, { error: 'invalid_grant' })
    json(response, 200, { access_token: 'ya29.made', expires_in: 3_600, token_type: 'Bearer' })
  }
}

async function vertex(privateKey: typeof keys.privateKey) {
  const counts = { tokens: 0 }
  const { origin, sender } = await stage(asGoogle(counts))
  const credential = new Secret(
    JSON.stringify({
      type: 'service_account',
      client_email: 'gateway@example.iam.example',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${origin}/token`,
    }),
  )
  const provider = located(vertexGemini, `${origin}/v1/projects/p/locations/global`)
  const target = createTarget(provider, 'gemini-2.5-flash', credential)
  const ask = async () => {
    const response = await sender.send({
      target,
      method: 'POST',
      path: '/models/gemini-2.5-flash:generateContent',
      headers: {},
      body: Buffer.from('{"contents":[]}'),
      stream: false,
      signal: new AbortController().signal,
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body) chunks.push(chunk)
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown
  }
  return { ask, counts }
}

test('requests to Vertex carry one token that was fetched with the key', async () => {
  const { ask, counts } = await vertex(keys.privateKey)
  const url = '/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent'
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([{ url }, { url }, { url }])
  expect(counts.tokens).toBe(1)
})

test('a key that Google does not know is the operator’s to mend', async () => {
  const { ask } = await vertex(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  await expect(ask()).rejects.toMatchObject({
    code: 'upstream_auth',
    message: expect.stringContaining('invalid_grant'),
  })
})
