/** What a request says, as one number: two that differ in a byte, their path or a beta do not share an answer. */

import { createHash, type Hash, hash } from 'node:crypto'
import { tellingOf } from '../dialects/telling-headers.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { FormBody } from '../operations/operation-request.ts'

/** SHA-256 over what the path and the telling headers said and the exact body, hex. A form is read once from where it was received. */
export function hashRequest(exchange: Exchange): string | Promise<string> {
  const facts = JSON.stringify(pathFacts(exchange))
  const { body, asked } = exchange
  if (asked?.form === undefined) return hash('sha256', Buffer.concat([Buffer.from(facts), body]))
  return hashForm(createHash('sha256').update(facts), asked.form)
}

/** The boundary between the parts of a form is drawn anew for each try; what it bounds is the request. */
async function hashForm(hashing: Hash, form: FormBody): Promise<string> {
  const boundary = /boundary="?([^";]+)/i.exec(form.contentType)?.[1]
  const mark = Buffer.from(`--${boundary ?? ''}`)
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of form.source(undefined).open()) {
    held = Buffer.concat([held, chunk])
    let start = 0
    for (let at = held.indexOf(mark); at >= 0; at = held.indexOf(mark, start)) {
      hashing.update(held.subarray(start, at)).update('--')
      start = at + mark.length
    }
    // A boundary may begin in this chunk and end in the next.
    const end = Math.max(start, held.length - mark.length + 1)
    hashing.update(held.subarray(start, end))
    held = held.subarray(end)
  }
  return hashing.update(held).digest('hex')
}

/** Everything beside the body that decides what is answered. */
export function pathFacts({ dialect, operation, named, asked, headers }: Exchange): readonly unknown[] {
  const telling = tellingOf(headers, dialect)
  return [
    dialect.id,
    operation,
    named?.modelId ?? '',
    named?.stream ?? '',
    named?.streamForm ?? '',
    ...(asked === undefined
      ? []
      : [asked.id ?? '', asked.reference?.id ?? '', asked.providerId ?? '', asked.query]),
    // Only where there is any: what was kept before headers counted stays the same request.
    ...(telling === '' ? [] : [{ telling }]),
  ]
}
