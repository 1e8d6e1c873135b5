/** A call whose answer may cost no more than is held for it: the provider is told the ceiling. */

import { isJsonObject, parseJson } from '../std/json.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import type { Target } from '../providers/provider.ts'
import { adaptFields, type EncodedCall } from './encode-call.ts'

export interface CallToCap {
  readonly call: EncodedCall
  readonly target: Target
  readonly targetDialect: TargetDialect
}

/** Only what answers in tokens has a ceiling; the body is read and written again, which few requests need. */
export function capCall({ call, target, targetDialect }: CallToCap, tokens: number): EncodedCall {
  if (call.operation !== undefined) return call
  const fields = parseJson(
    Buffer.from(call.body.buffer, call.body.byteOffset, call.body.byteLength).toString(),
  )
  if (!isJsonObject(fields)) return call
  const { dialect, quirks } = target.provider
  const capped = adaptFields(
    targetDialect.capOutput(fields, tokens),
    dialect === targetDialect.id ? quirks : [],
  )
  return { ...call, body: Buffer.from(JSON.stringify(capped)) }
}
