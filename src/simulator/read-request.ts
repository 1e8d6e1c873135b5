/**
 * Reads what a caller asks of the simulator, in any dialect. Written apart from the dialects room, so that the simulator
 * can be the other side of its tests.
 */

import type { JsonObject } from '../std/json.ts'
import { isJsonObject, parseJson, stringOf } from '../std/json.ts'
import { parseFaultExpression } from './fault-expression.ts'
import { isFormRequest, readForm } from './form.ts'
import type { RequestHead, RequestProblem, SimulatedRequest } from './request.ts'
import { type Route, routeOf } from './route.ts'
import { voices } from './voices.ts'

export type ReadRequest =
  | { readonly type: 'request'; readonly request: SimulatedRequest }
  | { readonly type: 'problem'; readonly request: SimulatedRequest; readonly problem: RequestProblem }

/** What the method, the path and the headers alone say: enough for the list of models and for early faults. */
export function readHead(head: RequestHead): SimulatedRequest {
  return requestOf(routeOf(head), head)
}

function requestOf(
  { dialect, operation, pathModel, pathStream = false }: Route,
  head: RequestHead,
): SimulatedRequest {
  const isArray = dialect === 'gemini' && pathStream && !/[?&]alt=sse(?:&|$)/.test(head.path)
  return {
    dialect,
    operation,
    ...readModel(pathModel),
    stream: pathStream,
    ...(isArray ? { streamForm: 'json-array' } : {}),
    includeUsage: dialect !== 'openai-chat' && dialect !== 'openai-completions',
    choices: 1,
    stopSequences: [],
    lastUserText: '',
    promptCharacters: 0,
    cacheablePrompt: '',
    tools: [],
    toolChoice: { type: 'auto' },
    isParallelToolUse: true,
    isReasoningWanted: false,
    fields: {},
  }
}

/** Reads the whole request. */
export function readRequest(head: RequestHead, body: Uint8Array): ReadRequest {
  const route = routeOf(head)
  const request = requestOf(route, head)
  if (!hasBody(request, head)) return { type: 'request', request }
  if (isFormRequest(head)) return { type: 'request', request: readFormRequest(request, head, body) }
  const fields = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  if (!isJsonObject(fields)) {
    return { type: 'problem', request, problem: { message: 'the body is not a JSON object' } }
  }
  const named =
    route.pathModel === undefined ? { ...request, ...readModel(stringOf(fields['model'])) } : request
  const filled = isConversation(named) ? readConversation(named, fields) : { ...named, fields }
  const problem = problemOf(filled)
  return problem ? { type: 'problem', request: filled, problem } : { type: 'request', request: filled }
}

/** A batch is cancelled without a body. */
function hasBody({ operation }: SimulatedRequest, { method, path }: RequestHead): boolean {
  return method === 'POST' && operation !== 'unknown' && !/\/cancel(?:\?|$)/.test(path)
}

function isConversation({ operation }: SimulatedRequest): boolean {
  return operation === 'chat' || operation === 'count-tokens'
}

function readConversation(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  return { ...voices[request.dialect].read({ ...request, fields }, fields), fields }
}

function readFormRequest(request: SimulatedRequest, head: RequestHead, body: Uint8Array): SimulatedRequest {
  const model = readForm(head, body).find((part) => part.name === 'model')
  return { ...request, ...readModel(model && Buffer.from(model.bytes).toString()) }
}

/** `simulator/mock!status-503` -> `mock`, and the fault it asks for. */
function readModel(name = ''): Pick<SimulatedRequest, 'model' | 'faultOfModel'> {
  const [model = '', ...rest] = name.replace(/^simulator\//, '').split('!')
  return rest.length === 0 ? { model } : { model, faultOfModel: parseFaultExpression(rest.join('!')) }
}

function problemOf(request: SimulatedRequest): RequestProblem | undefined {
  if (!isConversation(request)) return undefined
  if (request.model === '') return { message: 'a model name is needed', param: 'model' }
  return voices[request.dialect].problem?.(request)
}
