import { describe, expect, test } from 'vitest'
import { startServer } from '../../test/support/http-server.ts'
import { readOrigin } from './browser-origin.ts'

test.each([
  'http://localhost:5173',
  'http://127.0.0.1',
  'https://[::1]:8080',
  'vscode-webview://abc',
  'app://obsidian.md',
])('trusts %s', (origin) => {
  expect(readOrigin({ origin })).toEqual({ type: 'trusted', origin })
})

test.each([
  'https://evil.example',
  'http://localhost.evil.example',
  'http://127.0.0.1.evil.example',
  'http://127.0.0.1@evil.example',
  'null',
  'file://x',
  'file://',
  '',
  'http://localhost:5173\u00a0',
])('does not trust %s', (origin) => {
  expect(readOrigin({ origin })).toEqual({ type: 'foreign' })
})

describe('a browser', () => {
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  })

  test('learns in its preflight that a page of this machine may ask', async () => {
    const { url } = await startServer()
    const answer = await fetch(`${url}/v1/chat/completions`, preflight('http://localhost:5173'))
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(answer.headers.get('access-control-allow-headers')).toBe('authorization,content-type')
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST')
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
  })

  test('learns nothing for a page from elsewhere', async () => {
    const { url } = await startServer()
    const answer = await fetch(`${url}/v1/chat/completions`, preflight('https://evil.example'))
    expect(answer.status).toBe(204)
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('may not spend on behalf of a page from elsewhere where there are no keys', async () => {
    const { chat, gateway } = await startServer()
    const answer = await chat({ headers: { origin: 'https://evil.example', 'content-type': 'text/plain' } })
    expect(answer.status).toBe(403)
    expect(gateway.refusals[0]?.error.message).toContain('configure keys')
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  test('may ask from anywhere with a client key', async () => {
    const { chat } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
    const answer = await chat({ headers: { origin: 'https://app.example', authorization: 'Bearer sk-1' } })
    expect(answer.status).toBe(200)
  })

  test('may read the answer on a page of this machine', async () => {
    const { chat } = await startServer()
    const answer = await chat({ headers: { origin: 'http://localhost:5173' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(answer.headers.get('vary')).toBe('origin')
  })
})
