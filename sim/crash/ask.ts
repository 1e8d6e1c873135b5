/** One client: what it asks, how long it stays, and what it saw of the answer. */

import { type Misfortune, writeWish } from './priced-upstream.ts'
import type { Tenant } from './tenants.ts'

export interface Asked {
  /** By which its calls, entries and rows are found. */
  readonly mark: string
  readonly tenant: Tenant
  readonly isStream: boolean
  readonly misfortune: Misfortune
  readonly paceMs: number
  /** Absent: the client does not say how long the answer may be. */
  readonly maxTokens: number | undefined
  readonly idempotencyKey: string | undefined
  /** It leaves so long after asking, ms. */
  readonly leavesAfterMs: number | undefined
  /** By which its spending is found in reports. */
  readonly tag?: string
}

export interface Told {
  readonly asked: Asked
  /** Absent where it never heard anything. */
  readonly requestId?: string
  readonly status?: number
  readonly text: string
  /** It was answered to the end. */
  readonly isWhole: boolean
}

export async function ask(url: string, asked: Asked): Promise<Told> {
  const { mark, tenant, isStream, maxTokens, idempotencyKey, leavesAfterMs, tag } = asked
  const leaving = new AbortController()
  const timer = leavesAfterMs === undefined ? undefined : setTimeout(() => leaving.abort(), leavesAfterMs)
  let head: Pick<Told, 'requestId' | 'status'> = {}
  let text = ''
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        authorization: `Bearer ${tenant.secret}`,
        'content-type': 'application/json',
        'x-holdfast-session': mark,
        ...(tag === undefined ? {} : { 'x-holdfast-tags': tag }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify({
        model: 'priced/m',
        stream: isStream,
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        messages: [{ role: 'user', content: writeWish(asked) }],
      }),
    })
    const requestId = response.headers.get('x-request-id')
    head = { status: response.status, ...(requestId === null ? {} : { requestId }) }
    const decoder = new TextDecoder()
    for await (const part of response.body ?? []) text += decoder.decode(part, { stream: true })
    return {
      asked,
      ...head,
      text,
      isWhole: !isStream || text.includes('data: [DONE]') || response.status >= 400,
    }
  } catch {
    return { asked, ...head, text, isWhole: false }
  } finally {
    clearTimeout(timer)
  }
}

/** Whether the gateway knows the key. */
export async function authenticates(url: string, { secret }: Tenant): Promise<boolean> {
  const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })
  await response.arrayBuffer()
  if (response.status !== 200 && response.status !== 401)
    throw new Error(`/v1/models answered ${response.status} to a key`)
  return response.status === 200
}
