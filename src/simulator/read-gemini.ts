/** Reads requests of Gemini's generateContent and of what stands beside it. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf, stringOf } from '../std/json.ts'
import { type ConversationEnd, endedBy } from './conversation-end.ts'
import { choicesOf } from './read-openai.ts'
import { charactersOf, plainTextOf, stringsOf, textOf } from './request-text.ts'
import type { RequestProblem, SimulatedRequest, SimulatedTool, ToolChoice } from './request.ts'

export function readGemini(request: SimulatedRequest, body: JsonObject): SimulatedRequest {
  // Tokens are counted of contents, or of a whole request inside the request.
  const fields = objectOf(body['generateContentRequest']) ?? body
  const contents = arrayOf(fields['contents'])
  const config = objectOf(fields['generationConfig'] ?? fields['generation_config']) ?? {}
  const outputTokensMax = numberOf(config['maxOutputTokens'])
  const schema = geminiSchema(config)
  const system = fields['systemInstruction'] ?? fields['system_instruction']
  return {
    ...request,
    ...endOfContents(contents),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    choices: choicesOf(config['candidateCount']),
    stopSequences: stringsOf(config['stopSequences']),
    promptCharacters: charactersOf([system, contents]) + charactersOf(fields['tools']),
    cacheablePrompt: textOf([system, ...contents.slice(0, -1)]),
    tools: arrayOf(fields['tools']).flatMap(geminiTools),
    toolChoice: geminiToolChoice(objectOf(fields['toolConfig'])),
    isReasoningWanted: objectOf(config['thinkingConfig'])?.['includeThoughts'] === true,
  }
}

export function geminiProblem({ fields }: SimulatedRequest): RequestProblem | undefined {
  const { contents } = objectOf(fields['generateContentRequest']) ?? fields
  return Array.isArray(contents) && contents.length > 0
    ? undefined
    : { message: 'GenerateContentRequest.contents: contents is not specified' }
}

function endOfContents(contents: readonly unknown[]): ConversationEnd {
  const texts = contents.filter((content) => isOfUser(content) && resultsOf(content).length === 0)
  const results = resultsOf(contents.at(-1))
  const lastText = plainTextOf(objectOf(texts.at(-1))?.['parts'])
  return endedBy(lastText, results.length === 0 ? undefined : results.join('\n'))
}

function isOfUser(content: unknown): boolean {
  return objectOf(content) !== undefined && objectOf(content)?.['role'] !== 'model'
}

function resultsOf(content: unknown): readonly string[] {
  return arrayOf(objectOf(content)?.['parts']).flatMap((part) => {
    const answered = objectOf(objectOf(part)?.['functionResponse'])
    return answered === undefined ? [] : [textOf(answered['response'])]
  })
}

function geminiTools(tool: unknown): readonly SimulatedTool[] {
  const fields = objectOf(tool)
  return arrayOf(fields?.['functionDeclarations'] ?? fields?.['function_declarations']).flatMap((each) => {
    const declared = objectOf(each)
    const name = stringOf(declared?.['name'])
    const schema = declared?.['parametersJsonSchema'] ?? lowerTypes(declared?.['parameters']) ?? {}
    return name === undefined ? [] : [{ name, schema }]
  })
}

function geminiToolChoice(config: JsonObject | undefined): ToolChoice {
  const { mode, allowedFunctionNames } = objectOf(config?.['functionCallingConfig']) ?? {}
  if (mode === 'NONE') return { type: 'none' }
  if (mode !== 'ANY') return { type: 'auto' }
  const [only, ...others] = stringsOf(allowedFunctionNames)
  return only === undefined || others.length > 0 ? { type: 'required' } : { type: 'named', name: only }
}

function geminiSchema(config: JsonObject): unknown {
  const schema = config['responseJsonSchema'] ?? lowerTypes(config['responseSchema'])
  if (schema !== undefined) return schema
  return config['responseMimeType'] === 'application/json' ? {} : undefined
}

/** Google writes `STRING` where JSON Schema has `string`. Text to text, so that a schema's depth costs no call stack of ours. */
function lowerTypes(schema: unknown): unknown {
  if (objectOf(schema) === undefined) return undefined
  try {
    return JSON.parse(JSON.stringify(schema), (name, value: unknown) =>
      name === 'type' && typeof value === 'string' ? value.toLowerCase() : value,
    )
  } catch {
    return {}
  }
}
