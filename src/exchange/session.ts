/** Which session of an agent a request belongs to: agents make many calls for one task, and a log is read by task. */

import type { Exchange } from '../execution/exchange.ts'

/**
 * Where agents say it, the most telling first: OpenCode, Qwen Code and pi; Claude Code; Codex; and a per-request id that
 * Codex and Copilot give the same value through a whole session.
 */
const SESSION_HEADERS = [
  'x-session-id',
  'x-claude-code-session-id',
  'session-id',
  'session_id',
  'thread-id',
  'x-session-affinity',
  'conversation_id',
  'x-client-request-id',
] as const

const SESSION = /^[\x21-\x7e]{1,128}$/

export function sessionOf(headers: Exchange['headers']): string | undefined {
  for (const name of SESSION_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string' && SESSION.test(value)) return value
  }
  return undefined
}
