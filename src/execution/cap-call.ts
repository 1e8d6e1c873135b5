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

export interface Ceilings {
  /** Of each answer; `undefined`: as the client has it. */
  readonly tokens: number | undefined
  /** Searches of the web, where the request says nothing of them; `undefined`: as the client has it. */
  readonly searches: number | undefined
}

/** Only what answers in tokens has a ceiling; the body is read and written again, which few requests need. */
export function capCall({ call, target, targetDialect }: CallToCap, ceilings: Ceilings): EncodedCall {
  const { tokens, searches } = ceilings
  if (call.operation !== undefined || (tokens === undefined && searches === undefined)) return call
  const fields = parseJson(
    Buffer.from(call.body.buffer, call.body.byteOffset, call.body.byteLength).toString(),
  )
  if (!isJsonObject(fields)) return call
  const { dialect, quirks } = target.provider
  const fewer = searches === undefined ? fields : (targetDialect.capSearches?.(fields, searches) ?? fields)
  if (tokens === undefined && fewer === fields) return call
  const shorter = tokens === undefined ? fewer : targetDialect.capOutput(fewer, tokens)
  const capped = adaptFields(shorter, dialect === targetDialect.id ? quirks : [])
  return { ...call, body: Buffer.from(JSON.stringify(capped)) }
}
