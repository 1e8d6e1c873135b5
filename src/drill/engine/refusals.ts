/** What refusals look like in each provider's dialect, and why they are given. */

import { CONTENT_POLICY, CONTEXT_LENGTH, QUOTA } from '../../simulator/faults/vendor-refusals.ts'
import { plainRefusal, type Refusal } from '../../simulator/refusal.ts'
import type { SimulatedDialect } from '../../simulator/request.ts'
import { voices } from '../../simulator/voices.ts'
import type { UpstreamFault } from './weather.ts'

export interface RefusalAct {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

type Refusing = Extract<UpstreamFault, { type: 'refuse' }>

const NOTHING = new Uint8Array(0)
const PAGE = Buffer.from(
  '<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>',
)

/** `credential`: the key that came with the call. */
export function refusalOf(fault: Refusing, dialect: SimulatedDialect, credential: string): RefusalAct {
  const { status, reason, headers = {} } = fault
  if (reason === 'empty-body') return { status, headers, body: NOTHING }
  if (reason === 'html-page')
    return { status, headers: { 'content-type': 'text/html', ...headers }, body: PAGE }
  const refusal = refusalFor(fault, dialect, credential)
  const said = voices[dialect].refuse({ ...refusal, headers }, 'req_played')
  return {
    status: refusal.status,
    headers: { 'content-type': 'application/json', ...headers, ...said.headers },
    body: Buffer.from(JSON.stringify(said.body)),
  }
}

function refusalFor({ status, reason }: Refusing, dialect: SimulatedDialect, credential: string): Refusal {
  switch (reason) {
    case 'quota':
      return dialect === 'anthropic-messages' ? QUOTA.anthropic : QUOTA.openai
    case 'context-length':
      return CONTEXT_LENGTH[VENDORS[dialect] ?? 'openai']
    case 'content-policy':
      return dialect === 'anthropic-messages' ? CONTENT_POLICY.anthropic : CONTENT_POLICY.openai
    case 'echoed-secret':
      return plainRefusal(status, `Incorrect API key provided: ${credential}. You can find your key online.`)
    default:
      return plainRefusal(status)
  }
}

const VENDORS: Readonly<Partial<Record<SimulatedDialect, keyof typeof CONTEXT_LENGTH>>> = {
  'anthropic-messages': 'anthropic',
  gemini: 'gemini',
  'bedrock-converse': 'bedrock',
  'cohere-chat': 'cohere',
}
