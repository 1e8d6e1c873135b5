/**
 * Reads what a caller asks of the simulator, in either dialect, into the few facts an answer is made from. Written
 * apart from the dialects room, so that the simulator can be the other side of its tests.
 */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, isJsonObject, numberOf, objectOf, parseJson, stringOf } from '../std/json.ts'
import { parseFaultExpression } from './fault-expression.ts'
import type { FaultExpression } from './fault-expression.ts'

export type SimulatedDialect = 'openai-chat' | 'anthropic-messages'
export type Operation = 'chat' | 'count-tokens' | 'models' | 'unknown'

export interface SimulatedRequest {
  readonly dialect: SimulatedDialect
  readonly operation: Operation
  /** As asked for, a fault after `!` and the prefix `simulator/` left out. */
  readonly model: string
  /** `mock!status-503`: the fault asked for with the model name. */
  readonly faultOfModel?: FaultExpression
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Answers wanted; Messages knows only one. */
  readonly choices: number
  readonly outputTokensMax?: number
  readonly stopSequences: readonly string[]
  readonly lastUserText: string
  /** The text of a tool result that ends the conversation. */
  readonly toolResult?: string
  /** Characters in prompt and tools. */
  readonly promptCharacters: number
  /** The part of the prompt a cache could already hold, as text; empty where there is none. */
  readonly cacheablePrompt: string
  readonly tools: readonly SimulatedTool[]
  readonly toolChoice: ToolChoice
  readonly isParallelToolUse: boolean
  readonly isReasoningWanted: boolean
  /** A schema for a structured answer; `{}` where any JSON object will do. */
  readonly responseSchema?: unknown
}

export interface SimulatedTool {
  readonly name: string
  readonly schema: unknown
}

export type ToolChoice =
  | { readonly type: 'auto' | 'none' | 'required' }
  | { readonly type: 'named'; readonly name: string }

/** A request the simulator refuses as a provider would. */
export interface RequestProblem {
  readonly message: string
  readonly param?: string
}

export type ReadRequest =
  | { readonly type: 'request'; readonly request: SimulatedRequest }
  | { readonly type: 'problem'; readonly request: SimulatedRequest; readonly problem: RequestProblem }

/** How many answers one request may ask for. */
const CHOICES_MAX = 128

export interface RequestHead {
  readonly method: string
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

/** What the method, the path and the headers alone say: enough for the list of models and for early faults. */
export function readHead(head: RequestHead): SimulatedRequest {
  const operation = operationOf(head)
  return {
    dialect: dialectOf(head),
    operation,
    model: '',
    stream: false,
    includeUsage: false,
    choices: 1,
    stopSequences: [],
    lastUserText: '',
    promptCharacters: 0,
    cacheablePrompt: '',
    tools: [],
    toolChoice: { type: 'auto' },
    isParallelToolUse: true,
    isReasoningWanted: false,
  }
}

/** Reads the whole request. */
export function readRequest(head: RequestHead, body: Uint8Array): ReadRequest {
  const request = readHead(head)
  if (request.operation === 'models' || request.operation === 'unknown') return { type: 'request', request }
  const fields = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  if (!isJsonObject(fields)) {
    return { type: 'problem', request, problem: { message: 'the body is not a JSON object' } }
  }
  const filled =
    request.dialect === 'openai-chat' ? readOpenAi(request, fields) : readAnthropic(request, fields)
  const problem = problemOf(filled, fields)
  return problem ? { type: 'problem', request: filled, problem } : { type: 'request', request: filled }
}

function operationOf({ method, path }: RequestHead): Operation {
  const [route = ''] = path.split('?', 1)
  if (method === 'GET') return /\/models(\/[^/]+)*$/.test(route) ? 'models' : 'unknown'
  if (method !== 'POST') return 'unknown'
  if (route.endsWith('/messages/count_tokens')) return 'count-tokens'
  return route.endsWith('/chat/completions') || route.endsWith('/messages') ? 'chat' : 'unknown'
}

function dialectOf({ path, headers }: RequestHead): SimulatedDialect {
  if (/\/messages(\/|\?|$)/.test(path)) return 'anthropic-messages'
  if (path.includes('/chat/completions')) return 'openai-chat'
  return headers['anthropic-version'] === undefined ? 'openai-chat' : 'anthropic-messages'
}

function problemOf(request: SimulatedRequest, fields: JsonObject): RequestProblem | undefined {
  if (request.model === '') return { message: 'a model name is needed', param: 'model' }
  if (!Array.isArray(fields['messages']) || fields['messages'].length === 0) {
    return { message: 'messages must be a list that is not empty', param: 'messages' }
  }
  const needsCeiling = request.dialect === 'anthropic-messages' && request.operation === 'chat'
  if (needsCeiling && request.outputTokensMax === undefined) {
    return { message: 'max_tokens: Field required', param: 'max_tokens' }
  }
  return undefined
}

function readOpenAi(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages'])
  const tools = arrayOf(fields['tools']).flatMap(openAiTool)
  const outputTokensMax = numberOf(fields['max_completion_tokens']) ?? numberOf(fields['max_tokens'])
  const responseSchema = openAiSchema(fields['response_format'])
  return {
    ...request,
    ...readModel(fields),
    ...readConversation(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(responseSchema === undefined ? {} : { responseSchema }),
    stream: fields['stream'] === true,
    includeUsage: objectOf(fields['stream_options'])?.['include_usage'] === true,
    choices: Math.min(Math.max(1, numberOf(fields['n']) ?? 1), CHOICES_MAX),
    stopSequences: stringsOf(fields['stop']),
    promptCharacters: charactersOf(messages) + charactersOf(fields['tools']),
    cacheablePrompt: textOf(messages.slice(0, -1)),
    tools,
    toolChoice: openAiToolChoice(fields['tool_choice']),
    isParallelToolUse: fields['parallel_tool_calls'] !== false,
  }
}

function readAnthropic(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages'])
  const prompt = [fields['system'], ...messages]
  const choice = objectOf(fields['tool_choice'])
  const outputTokensMax = numberOf(fields['max_tokens'])
  const format = objectOf(objectOf(fields['output_config'])?.['format'] ?? fields['output_format'])
  const schema = format?.['schema']
  const thinking = stringOf(objectOf(fields['thinking'])?.['type'])
  return {
    ...request,
    ...readModel(fields),
    ...readConversation(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    stream: fields['stream'] === true,
    includeUsage: true,
    stopSequences: stringsOf(fields['stop_sequences']),
    promptCharacters: charactersOf(prompt) + charactersOf(fields['tools']),
    cacheablePrompt: markedPrompt(prompt),
    tools: arrayOf(fields['tools']).flatMap(anthropicTool),
    toolChoice: anthropicToolChoice(choice),
    isParallelToolUse: choice?.['disable_parallel_tool_use'] !== true,
    isReasoningWanted: thinking === 'enabled' || thinking === 'adaptive',
  }
}

/** `simulator/mock!status-503` -> `mock`, and the fault it asks for. */
function readModel(fields: JsonObject): Pick<SimulatedRequest, 'model' | 'faultOfModel'> {
  const [model = '', ...rest] = (stringOf(fields['model']) ?? '').replace(/^simulator\//, '').split('!')
  return rest.length === 0 ? { model } : { model, faultOfModel: parseFaultExpression(rest.join('!')) }
}

/** The last thing the user said, and the tool result the conversation ends in, if it does. */
function readConversation(messages: readonly unknown[]) {
  const last = objectOf(messages.at(-1))
  const lastUser = messages.findLast((each) => objectOf(each)?.['role'] === 'user')
  const toolResult = last === undefined ? undefined : toolResultOf(last)
  const lastUserText = plainTextOf(objectOf(lastUser)?.['content'])
  return toolResult === undefined ? { lastUserText } : { lastUserText, toolResult }
}

function toolResultOf(message: JsonObject): string | undefined {
  if (message['role'] === 'tool') return plainTextOf(message['content'])
  const results = arrayOf(message['content']).filter((block) => objectOf(block)?.['type'] === 'tool_result')
  if (results.length === 0) return undefined
  return results.map((block) => plainTextOf(objectOf(block)?.['content'])).join('\n')
}

/** The text of a content field: a string, or the text blocks of a list. */
function plainTextOf(content: unknown): string {
  if (typeof content === 'string') return content
  return arrayOf(content)
    .map((block) => stringOf(objectOf(block)?.['text']))
    .filter((text) => text !== undefined)
    .join('\n')
}

function openAiTool(tool: unknown): readonly SimulatedTool[] {
  const definition = objectOf(objectOf(tool)?.['function'])
  const name = stringOf(definition?.['name'])
  return name === undefined ? [] : [{ name, schema: definition?.['parameters'] ?? {} }]
}

function anthropicTool(tool: unknown): readonly SimulatedTool[] {
  const name = stringOf(objectOf(tool)?.['name'])
  return name === undefined ? [] : [{ name, schema: objectOf(tool)?.['input_schema'] ?? {} }]
}

function openAiToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return { type: choice }
  const name = stringOf(objectOf(objectOf(choice)?.['function'])?.['name'])
  return name === undefined ? { type: 'auto' } : { type: 'named', name }
}

function anthropicToolChoice(choice: JsonObject | undefined): ToolChoice {
  const name = stringOf(choice?.['name'])
  if (choice?.['type'] === 'tool' && name !== undefined) return { type: 'named', name }
  if (choice?.['type'] === 'none') return { type: 'none' }
  return { type: choice?.['type'] === 'any' ? 'required' : 'auto' }
}

function openAiSchema(format: unknown): unknown {
  const fields = objectOf(format)
  if (fields?.['type'] === 'json_object') return {}
  return objectOf(fields?.['json_schema'])?.['schema']
}

function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return arrayOf(value).filter((each) => typeof each === 'string')
}

/** Everything up to the last block with a cache mark; nothing where none is marked. */
function markedPrompt(prompt: readonly unknown[]): string {
  const last = prompt.findLastIndex(hasCacheMark)
  return last < 0 ? '' : textOf(prompt.slice(0, last + 1))
}

function textOf(value: unknown): string {
  const texts: string[] = []
  visitStrings(value, (text) => texts.push(text))
  return texts.join('')
}

function charactersOf(value: unknown): number {
  let characters = 0
  visitStrings(value, (text) => {
    characters += text.length
  })
  return characters
}

function hasCacheMark(value: unknown): boolean {
  let isMarked = false
  visitValues(value, (next) => {
    isMarked ||= isJsonObject(next) && next['cache_control'] !== undefined
  })
  return isMarked
}

/** Visits every string in a JSON value; field names and the data of images weigh nothing. */
function visitStrings(value: unknown, visit: (text: string) => void): void {
  visitValues(value, (next) => {
    if (typeof next === 'string' && !next.startsWith('data:')) visit(next)
  })
}

/** Visits a JSON value from the inside of no call stack, since a stranger chose its depth. */
function visitValues(value: unknown, visit: (value: unknown) => void): void {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    visit(next)
    if (Array.isArray(next)) {
      // From the last to the first, so that the first is taken next and text keeps its order.
      for (let index = next.length - 1; index >= 0; index -= 1) waiting.push(next[index])
    } else if (isJsonObject(next)) {
      for (const name of Object.keys(next).reverse()) {
        if (!WEIGHTLESS_FIELDS.has(name)) waiting.push(next[name])
      }
    }
  }
}

const WEIGHTLESS_FIELDS = new Set(['role', 'type', 'data', 'signature', 'cache_control'])
