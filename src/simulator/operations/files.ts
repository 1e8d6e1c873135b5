/** Files in OpenAI's and Anthropic's words: uploaded, listed, described, given back and deleted. */

import { commonHeaders, jsonSteps, refuse, type SimulatedCall } from '../call.ts'
import { readForm } from '../form.ts'
import { plainRefusal, wholeAnswer } from '../refusal.ts'
import type { KeptFile } from '../shelf.ts'
import type { Step } from '../step.ts'
import { fieldMissing, nothingHere } from './nothing-here.ts'

export function answerFiles(call: SimulatedCall): readonly Step[] {
  const { method } = call.head
  const { id, isContent } = placeOf(call)
  if (id === undefined) return method === 'POST' ? upload(call) : list(call)
  const file = call.shelf.files.get(id)
  if (file === undefined) return refuse(call, plainRefusal(404, `No such File object: ${id.slice(0, 100)}`))
  if (method === 'DELETE') return remove(call, id)
  if (method !== 'GET') return nothingHere(call)
  return isContent ? content(call, file) : jsonSteps(call, described(call, file))
}

function placeOf({ head }: SimulatedCall) {
  const match = /\/files(?:\/([^/?]+))?(\/content)?(?:\?|$)/.exec(head.path)
  return { id: match?.[1], isContent: match?.[2] !== undefined }
}

function isAnthropic(call: SimulatedCall): boolean {
  return call.request.dialect === 'anthropic-messages'
}

function upload(call: SimulatedCall): readonly Step[] {
  const form = readForm(call.head, call.body)
  const part = form.find(({ name }) => name === 'file')
  if (part === undefined) return fieldMissing(call, 'file')
  const purpose = form.find(({ name }) => name === 'purpose')
  const file: KeptFile = {
    id: call.ids.next(isAnthropic(call) ? 'file_' : 'file-'),
    filename: part.filename ?? 'upload',
    mediaType: part.mediaType,
    purpose: purpose ? Buffer.from(purpose.bytes).toString() : 'user_data',
    createdSeconds: Math.floor(call.wallMs / 1000),
    bytes: part.bytes,
  }
  call.shelf.keepFile(file)
  return jsonSteps(call, described(call, file))
}

function list(call: SimulatedCall): readonly Step[] {
  const data = [...call.shelf.files.values()].map((file) => described(call, file))
  const [first, last] = [[...call.shelf.files.keys()][0] ?? null, [...call.shelf.files.keys()].at(-1) ?? null]
  const page = { data, has_more: false, first_id: first, last_id: last }
  return jsonSteps(call, isAnthropic(call) ? page : { object: 'list', ...page })
}

function remove(call: SimulatedCall, id: string): readonly Step[] {
  call.shelf.dropFile(id)
  const openAi = { id, object: 'file', deleted: true }
  return jsonSteps(call, isAnthropic(call) ? { id, type: 'file_deleted' } : openAi)
}

function content(call: SimulatedCall, file: KeptFile): readonly Step[] {
  const headers = { ...commonHeaders(call), 'content-disposition': 'attachment; filename="simulated"' }
  return wholeAnswer({ status: 200, contentType: 'application/octet-stream', headers, body: file.bytes })
}

function described(call: SimulatedCall, file: KeptFile): object {
  if (isAnthropic(call)) {
    return {
      type: 'file',
      id: file.id,
      size_bytes: file.bytes.length,
      created_at: new Date(file.createdSeconds * 1000).toISOString(),
      filename: file.filename,
      mime_type: file.mediaType,
      downloadable: false,
    }
  }
  return {
    object: 'file',
    id: file.id,
    purpose: file.purpose,
    filename: file.filename,
    bytes: file.bytes.length,
    created_at: file.createdSeconds,
    expires_at: null,
    status: 'processed',
    status_details: null,
  }
}
