/** Reads the body of a call, bounded, once it is known that the caller may make it. */

import type { MiddlewareHandler } from 'hono'
import { AdminProblem } from './problem.ts'

/** Largest body of a call, bytes. */
export const ADMIN_BODY_BYTES = 64 * 1024

/** Leaves a request whose body is in memory. hono's own limit cannot: it copies a Request that is none of the platform's. */
export const limitBody: MiddlewareHandler = async (context, next) => {
  const { method, url, headers, body } = context.req.raw
  if (method === 'GET' || method === 'HEAD') return await next()
  if (Number(headers.get('content-length') ?? 0) > ADMIN_BODY_BYTES) throw tooLarge()
  const bytes = body === null ? new Uint8Array() : await readBounded(body)
  context.req.raw = new Request(url, {
    method,
    headers: [...headers],
    body: bytes.length === 0 ? null : bytes,
  })
  return await next()
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > ADMIN_BODY_BYTES) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof AdminProblem) throw error
    // Nobody is there to read it; yet a client that left is no defect of ours.
    throw new AdminProblem('invalid_request', 'The body broke off.')
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/** What is left of the body is not read, so nothing can follow it. */
function tooLarge(): AdminProblem {
  return new AdminProblem('body_too_large', `A body has at most ${ADMIN_BODY_BYTES} bytes here.`, {
    connection: 'close',
  })
}
