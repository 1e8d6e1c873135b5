/** What goes wrong with operations: refusals, second tries, forms that are none, answers that break off. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import OpenAI, { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { startServer } from '../support/http-server.ts'
import { openOperations, type OperationsStage } from '../support/operations-stage.ts'
import { type Answering, sendJson, SOUND } from '../support/operations-upstream.ts'

function openAi(stage: OperationsStage): OpenAI {
  return new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'unused', maxRetries: 0 })
}

const overloaded: Answering = (_asked, response) =>
  sendJson(response, { error: { message: 'too busy', type: 'server_error' } }, 503)

/** The first request only. */
function once(answering: Answering): Answering {
  let isFirst = true
  return (asked, response) => {
    if (!isFirst) return false
    isFirst = false
    return answering(asked, response)
  }
}

const dies: Answering = (_asked, response) => {
  response.socket?.destroy()
  return true
}

const isLate: Answering = (_asked, response) => sendJson(response, { error: {} }, 504)

const saysNothing: Answering = (_asked, response) => {
  response.end()
  return true
}

describe('a second try', () => {
  test('sends a form again, whole, to the next target', async () => {
    await using stage = await openOperations({ one: overloaded })
    const file = await toFile(Buffer.alloc(3_000_000, 'sound'), 'a.wav')
    const answer = await openAi(stage).audio.transcriptions.create({ model: 'both', file })
    expect(answer.text).toBe('what was said')
    const [first, second] = [stage.one.last, stage.two.last]
    // The names of the two models are of one length.
    expect(second.bodyBytes).toBe(first.bodyBytes)
    expect(second.sha256).not.toBe(first.sha256)
    expect(stage.gateway.exchanges).toMatchObject([{ target: 'two/n', state: 'completed' }])
  })

  test('is not made of what stays, once the provider may have begun', async () => {
    await using stage = await openOperations({ one: once(dies) })
    const file = await toFile(Buffer.from('abc'), 'a.jsonl')
    await expect(openAi(stage).files.create({ file, purpose: 'batch' })).rejects.toMatchObject({
      status: 502,
    })
    expect(stage.one.asked).toHaveLength(1)
  })

  test.each([
    { failure: 'a reset', status: 502, one: once(dies) },
    { failure: 'a timeout', status: 504, one: once(isLate) },
    { failure: 'an empty answer', status: 502, one: once(saysNothing) },
  ])('is not made under the same idempotency key after $failure of what stays', async ({ one, status }) => {
    await using stage = await openOperations({ one })
    const headers = { 'idempotency-key': 'upload-1' }
    const upload = async () => {
      const file = await toFile(Buffer.from('abc'), 'a.jsonl')
      return openAi(stage).files.create({ file, purpose: 'batch' }, { headers })
    }
    await expect(upload()).rejects.toMatchObject({ status })
    await expect(upload()).rejects.toMatchObject({ status })
    expect(stage.one.asked).toHaveLength(1)
  })

  test('is made of what stays where the provider said no', async () => {
    await using stage = await openOperations({
      one: once((_asked, response) => sendJson(response, { error: { message: 'internal' } }, 500)),
    })
    const file = await toFile(Buffer.from('abc'), 'a.jsonl')
    expect((await openAi(stage).files.create({ file, purpose: 'batch' })).id).toBe('file-1')
    expect(stage.one.asked).toHaveLength(2)
  })

  test('is made of all else', async () => {
    await using stage = await openOperations({ one: dies })
    const answer = await openAi(stage).images.generate({ model: 'both', prompt: 'x' })
    expect(answer.data).toHaveLength(1)
    expect(stage.gateway.exchanges).toMatchObject([{ target: 'two/n' }])
  })
})

describe('a provider’s refusal', () => {
  test('reaches the client in its own words and status', async () => {
    const error = { message: "Invalid value: 'huge'.", type: 'invalid_request_error', param: 'quality' }
    await using stage = await openOperations({
      one: (_asked, response) => sendJson(response, { error }, 400),
    })
    await expect(openAi(stage).images.generate({ model: 'both', prompt: 'x' })).rejects.toMatchObject({
      status: 400,
      param: 'quality',
      message: expect.stringContaining("Invalid value: 'huge'.") as string,
    })
    expect(stage.two.asked).toEqual([])
  })

  test('of a web page instead of sound is no answer', async () => {
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>')
        return true
      },
    })
    const answer = await openAi(stage).audio.speech.create({ model: 'both', voice: 'v', input: 'x' })
    expect(answer.headers.get('x-holdfast-target')).toBe('two/n')
    expect(Buffer.from(await answer.arrayBuffer()).equals(SOUND)).toBe(true)
  })

  test('of sound instead of JSON is none either', async () => {
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(SOUND)
        return true
      },
    })
    const body = '{"model":"one/m","input":"a"}'
    const answer = await fetch(`${stage.url}/v1/embeddings`, { method: 'POST', body })
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({ error: { code: 'upstream_bad_response' } })
  })
})

describe('an answer that breaks off', () => {
  const breaksOff =
    (contentType: string, begin: string | Buffer): Answering =>
    (_asked, response) => {
      response.writeHead(200, { 'content-type': contentType })
      response.write(begin)
      setTimeout(() => response.socket?.destroy(), 30)
      return true
    }

  test('in the middle of sound breaks the client’s connection, and never looks like an end', async () => {
    await using stage = await openOperations({ one: breaksOff('audio/mpeg', SOUND.subarray(0, 500)) })
    const answer = await fetch(`${stage.url}/v1/audio/speech`, {
      method: 'POST',
      body: '{"model":"one/m","input":"x","voice":"v"}',
    })
    expect(answer.status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow(/terminated/)
    const record = await stage.gateway.exchange(({ operation }) => operation === 'speech')
    expect(record).toMatchObject({ state: 'truncated', responseBytes: 500 })
    expect(stage.gateway.notices.filter(({ name }) => name === 'request_defect')).toEqual([])
  })

  test('in the middle of events ends with an error among them', async () => {
    const event = 'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"a"}\n\n'
    await using stage = await openOperations({ one: breaksOff('text/event-stream', event) })
    const form = new FormData()
    form.set('model', 'one/m')
    form.set('stream', 'true')
    form.set('file', new Blob(['sound']), 'a.wav')
    const answer = await fetch(`${stage.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
    const text = await answer.text()
    expect(text.startsWith(event)).toBe(true)
    expect(text).toContain('"error"')
    expect(stage.gateway.exchanges).toMatchObject([{ state: 'truncated' }])
  })

  test('in the middle of an event keeps the part of it back', async () => {
    const whole = 'data: {"type":"transcript.text.delta","delta":"a"}\n\n'
    await using stage = await openOperations({ one: breaksOff('text/event-stream', `${whole}data: {"ty`) })
    const answer = await fetch(`${stage.url}/v1/audio/speech`, {
      method: 'POST',
      body: '{"model":"one/m","input":"x","voice":"v","stream_format":"sse"}',
    })
    const text = await answer.text()
    expect(text.startsWith(whole)).toBe(true)
    expect(text).not.toContain('data: {"ty\n')
    expect(text.split('\n\n').filter(Boolean)).toHaveLength(2)
  })

  test('by an error of the provider’s among its events says so in the client’s words', async () => {
    const whole = 'data: {"type":"speech.audio.delta","audio":"YQ=="}\n\n'
    const error = 'event: error\ndata: {"error":{"message":"the voice is gone","type":"server_error"}}\n\n'
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(whole + error)
        return true
      },
    })
    const answer = await fetch(`${stage.url}/v1/audio/speech`, {
      method: 'POST',
      body: '{"model":"one/m","input":"x","voice":"v","stream_format":"sse"}',
    })
    const text = await answer.text()
    expect(text.startsWith(whole)).toBe(true)
    expect(text).toContain('the voice is gone')
    expect(stage.gateway.exchanges).toMatchObject([{ operation: 'speech', state: 'truncated' }])
  })

  test('before its first byte sends the request elsewhere', async () => {
    await using stage = await openOperations({ one: dies })
    const answer = await openAi(stage).audio.speech.create({ model: 'both', voice: 'v', input: 'x' })
    expect(Buffer.from(await answer.arrayBuffer()).equals(SOUND)).toBe(true)
  })

  test('with an error as its first event sends the request elsewhere', async () => {
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(
          'event: error\ndata: {"type":"error","error":{"message":"busy","type":"server_error"}}\n\n',
        )
        return true
      },
    })
    const answer = await openAi(stage).audio.speech.create({ model: 'both', voice: 'v', input: 'x' })
    expect(answer.headers.get('x-holdfast-target')).toBe('two/n')
  })

  test('because its client left closes the provider’s connection', async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>()
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'audio/mpeg' })
        response.write(SOUND)
        response.on('close', resolve)
        return true
      },
    })
    const leaving = new AbortController()
    const answer = await fetch(`${stage.url}/v1/audio/speech`, {
      method: 'POST',
      body: '{"model":"one/m","input":"x","voice":"v"}',
      signal: leaving.signal,
    })
    await answer.body?.getReader().read()
    leaving.abort()
    await left
    const record = await stage.gateway.exchange(({ operation }) => operation === 'speech')
    expect(record.state).toBe('client_gone')
  })
})

describe('a form', () => {
  const limits = { formBytes: '100KiB' }

  test.each([
    ['openai', {}, { error: { code: 'body_too_large' } }],
    [
      'anthropic',
      { 'anthropic-version': '2023-06-01' },
      { type: 'error', error: { type: 'request_too_large' } },
    ],
  ])('that is too large is refused in the words of %s', async (_name, headers, wanted) => {
    await using stage = await openOperations({ config: { limits } })
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(200_000)]), 'a')
    const answer = await fetch(`${stage.url}/v1/files`, { method: 'POST', headers, body: form })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject(wanted)
    expect(stage.one.asked).toEqual([])
  })

  test('whose length is not announced is refused as soon as it is too large', async () => {
    await using stage = await openOperations({ config: { limits } })
    const socket = connect(stage.gateway.port, '127.0.0.1').on('error', () => undefined)
    const { promise, resolve } = Promise.withResolvers<string>()
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    const head =
      'POST /v1/files HTTP/1.1\r\nhost: test\r\ncontent-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\n'
    const part = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    const body = part + 'x'.repeat(150_000)
    socket.write(`${head}${body.length.toString(16)}\r\n${body}\r\n`)
    expect(await promise).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  test.each([
    ['that ends too early', 'multipart/form-data; boundary=b', '--b\r\n\r\nx', 400],
    ['that is none', 'multipart/form-data; boundary=b', 'x=y', 400],
    ['without a boundary', 'multipart/form-data', '--b--', 415],
    ['that is JSON', 'application/json', '{}', 415],
    ['with two models', 'multipart/form-data; boundary=b', twoModels(), 400],
  ])('%s is refused', async (_name, type, body, status) => {
    await using stage = await openOperations()
    const path = type === 'application/json' ? '/v1/files' : '/v1/audio/transcriptions'
    const answer = await fetch(stage.url + path, { method: 'POST', headers: { 'content-type': type }, body })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(stage.one.asked).toEqual([])
  })

  test('whose type names two boundaries goes on with the one by which it was read', async () => {
    await using stage = await openOperations()
    const body = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    const headers = { 'content-type': 'multipart/form-data; boundary=b; boundary="c d"' }
    const answer = await fetch(`${stage.url}/v1/files`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
    expect(stage.one.asked[0]?.headers['content-type']).toBe('multipart/form-data; boundary=b')
  })

  test('where JSON is wanted is refused', async () => {
    await using stage = await openOperations()
    const form = new FormData()
    form.set('model', 'one/m')
    const answer = await fetch(`${stage.url}/v1/embeddings`, { method: 'POST', body: form })
    expect(answer.status).toBe(415)
  })

  test('needs a key where keys are configured, before a byte of it is read', async () => {
    const keys = [{ name: 'laptop', key: 'client-key-0123456789abcdef' }]
    await using stage = await openOperations({ config: { keys } })
    const form = new FormData()
    form.set('file', new Blob(['a']), 'a')
    const answer = await fetch(`${stage.url}/v1/files`, { method: 'POST', body: form })
    expect(answer.status).toBe(401)
    expect(stage.one.asked).toEqual([])
  })
})

describe('a client that leaves', () => {
  test('while its form is on the way to a provider that does not read it ends that too', async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<Socket>()
    const deaf = createServer((socket) => {
      socket.pause()
      socket.on('error', () => undefined)
      reach(socket)
    })
    await new Promise<void>((resolve) => {
      deaf.listen(0, '127.0.0.1', resolve)
    })
    // A listening TCP server has an address with a port.
    const { port } = deaf.address() as AddressInfo
    const provider = { dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${port}/v1`, models: ['m'] }
    await using stage = await openOperations({ config: { providers: { deaf: provider }, routes: {} } })
    const leaving = new AbortController()
    const form = new FormData()
    form.set('model', 'deaf/m')
    form.set('file', new Blob([new Uint8Array(20_000_000)]), 'a.wav')
    const asked = fetch(`${stage.url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: form,
      signal: leaving.signal,
    })
    const socket = await reached
    leaving.abort()
    await expect(asked).rejects.toThrow(/abort/)
    const record = await stage.gateway.exchange(({ operation }) => operation === 'transcription')
    expect(record.state).toBe('client_gone')
    expect(stage.gateway.notices.filter(({ name }) => name.endsWith('_defect'))).toEqual([])
    // What was under way in the kernel, and then the end.
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await closed
    expect(socket.bytesRead).toBeLessThan(20_000_000)
    deaf.close()
  })

  test('and one that sends next to nothing are told apart', async () => {
    const { port, gateway } = await startServer({ limits: { bodyWindowMs: 40, bodyWindowBytesMin: 1_000 } })
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    const { promise, resolve } = Promise.withResolvers<string>()
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    socket.write(
      'POST /v1/files HTTP/1.1\r\nhost: test\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 500000\r\n\r\n--b\r\n',
    )
    expect(await promise).toMatch(/^HTTP\/1\.1 408 /)
    socket.destroy()
    expect(gateway.placesTaken).toBe(0)
  })
})

function twoModels(): string {
  const part = (model: string) => `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n`
  return `${part('one/m')}${part('two/n')}--b--\r\n`
}
