/**
 * Every official SDK over every dialect but its own: a tool is called in a stream, its result goes back, and the model
 * answers with it.
 */

import Anthropic from '@anthropic-ai/sdk'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { GoogleGenAI, Type, type Content } from '@google/genai'
import { ChatAnthropic } from '@langchain/anthropic'
import { ChatGoogleGenerativeAI } from '@langchain/google-genai'
import { ChatOpenAI } from '@langchain/openai'
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool as agentTool } from '@openai/agents'
import { jsonSchema, type LanguageModel, stepCountIs, streamText, tool } from 'ai'
import { createAgent, tool as langchainTool } from 'langchain'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLIENT_KEY } from '../support/clients.ts'
import {
  type EveryDialect,
  openEveryDialect,
  TARGET_NAMES,
  type TargetName,
} from '../support/every-dialect.ts'

// Its warnings about models it does not know are none of ours.
globalThis.AI_SDK_LOG_WARNINGS = false
setTracingDisabled(true)

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect()
})
afterAll(() => world[Symbol.asyncDispose]())

const schema: {
  type: 'object'
  properties: Record<string, { type: 'string' }>
  required: string[]
  additionalProperties: false
} = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}

const QUESTION = 'How is the weather?'
const RESULT = 'sunny with a chance of sockets'
const NAME = 'weather'
const DESCRIPTION = 'Tells the weather of a city.'

/** What a client made of it: the arguments the tool was called with, and the last words. */
interface RoundTrip {
  readonly calls: readonly unknown[]
  readonly text: string
}

type Client = (model: string) => Promise<RoundTrip>

async function openaiChat(model: string): Promise<RoundTrip> {
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 })
  const calls: unknown[] = []
  const runner = client.chat.completions.runTools({
    model,
    stream: true,
    messages: [{ role: 'user', content: QUESTION }],
    tools: [
      {
        type: 'function',
        function: {
          name: NAME,
          description: DESCRIPTION,
          parameters: schema,
          parse: (text: string): unknown => JSON.parse(text),
          function: (input: unknown) => {
            calls.push(input)
            return RESULT
          },
        },
      },
    ],
  })
  return { calls, text: (await runner.finalContent()) ?? '' }
}

async function openaiResponses(model: string): Promise<RoundTrip> {
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 })
  const calls: unknown[] = []
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: QUESTION }]
  const tools: OpenAI.Responses.Tool[] = [
    { type: 'function', name: NAME, description: DESCRIPTION, parameters: schema, strict: true },
  ]
  for (let turn = 0; turn < 4; turn += 1) {
    const answer = await client.responses.stream({ model, input, tools, store: false }).finalResponse()
    const called = answer.output.filter((item) => item.type === 'function_call')
    if (called.length === 0) return { calls, text: answer.output_text }
    for (const call of called) {
      calls.push(JSON.parse(call.arguments))
      const { parsed_arguments: _, ...item } = call
      input.push(item, { type: 'function_call_output', call_id: call.call_id, output: RESULT })
    }
  }
  throw new Error('the tool is called again and again')
}

async function anthropic(model: string): Promise<RoundTrip> {
  const client = new Anthropic({ baseURL: world.url, apiKey: CLIENT_KEY, maxRetries: 0 })
  const calls: unknown[] = []
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: QUESTION }]
  const tools = [{ name: NAME, description: DESCRIPTION, input_schema: { ...schema } }]
  for (let turn = 0; turn < 4; turn += 1) {
    const answer = await client.messages.stream({ model, max_tokens: 4_096, messages, tools }).finalMessage()
    const called = answer.content.filter((block) => block.type === 'tool_use')
    if (answer.stop_reason !== 'tool_use') {
      return {
        calls,
        text: answer.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      }
    }
    calls.push(...called.map(({ input }) => input))
    messages.push(
      // Sound: what was answered is what the API takes back.
      { role: 'assistant', content: answer.content as Anthropic.ContentBlockParam[] },
      {
        role: 'user',
        content: called.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: RESULT })),
      },
    )
  }
  throw new Error('the tool is called again and again')
}

async function genai(model: string): Promise<RoundTrip> {
  const client = new GoogleGenAI({ apiKey: CLIENT_KEY, httpOptions: { baseUrl: world.url } })
  const calls: unknown[] = []
  const contents: Content[] = [{ role: 'user', parts: [{ text: QUESTION }] }]
  const parameters = {
    type: Type.OBJECT,
    properties: { city: { type: Type.STRING } },
    required: ['city'],
  }
  const config = {
    tools: [{ functionDeclarations: [{ name: NAME, description: DESCRIPTION, parameters }] }],
  }
  for (let turn = 0; turn < 4; turn += 1) {
    const parts: NonNullable<Content['parts']> = []
    for await (const chunk of await client.models.generateContentStream({ model, contents, config }))
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
    const called = parts.flatMap((part) => (part.functionCall === undefined ? [] : [part.functionCall]))
    if (called.length === 0)
      return { calls, text: parts.map((part) => (part.thought === true ? '' : (part.text ?? ''))).join('') }
    calls.push(...called.map(({ args }) => args))
    contents.push(
      { role: 'model', parts },
      {
        role: 'user',
        parts: called.map(({ id, name }) => ({
          functionResponse: {
            ...(id === undefined ? {} : { id }),
            ...(name === undefined ? {} : { name }),
            response: { output: RESULT },
          },
        })),
      },
    )
  }
  throw new Error('the tool is called again and again')
}

const vercel =
  (languageModel: (model: string) => LanguageModel): Client =>
  async (model) => {
    const calls: unknown[] = []
    const result = streamText({
      model: languageModel(model),
      prompt: QUESTION,
      maxRetries: 0,
      stopWhen: stepCountIs(4),
      tools: {
        [NAME]: tool({
          description: DESCRIPTION,
          inputSchema: jsonSchema<{ city: string }>(schema),
          execute: (input) => {
            calls.push(input)
            return RESULT
          },
        }),
      },
    })
    return { calls, text: await result.text }
  }

const settings = (base: string) => ({ baseURL: world.url + base, apiKey: CLIENT_KEY })

const langchain =
  (chatModel: (model: string) => ChatOpenAI | ChatAnthropic | ChatGoogleGenerativeAI): Client =>
  async (model) => {
    const calls: unknown[] = []
    const agent = createAgent({
      model: chatModel(model),
      tools: [
        langchainTool(
          (input: unknown) => {
            calls.push(input)
            return RESULT
          },
          { name: NAME, description: DESCRIPTION, schema },
        ),
      ],
    })
    let text = ''
    const stream = await agent.stream(
      { messages: [{ role: 'user', content: QUESTION }] },
      { streamMode: 'values' },
    )
    for await (const state of stream) text = state.messages.at(-1)?.text ?? text
    return { calls, text }
  }

const openaiAgents =
  (useResponses: boolean): Client =>
  async (model) => {
    const calls: unknown[] = []
    const agent = new Agent({
      name: 'Forecaster',
      model,
      tools: [
        agentTool({
          name: NAME,
          description: DESCRIPTION,
          parameters: schema,
          strict: true,
          execute: (input) => {
            calls.push(input)
            return RESULT
          },
        }),
      ],
    })
    const runner = new Runner({
      modelProvider: new OpenAIProvider({ baseURL: `${world.url}/v1`, apiKey: CLIENT_KEY, useResponses }),
    })
    const result = await runner.run(agent, QUESTION, { stream: true })
    for await (const _ of result);
    return { calls, text: String(result.finalOutput) }
  }

/** Each client with the target that speaks as it does, which is not what this is about. */
const clients: Readonly<Record<string, { readonly own: TargetName; readonly run: Client }>> = {
  'openai, chat': { own: 'chat', run: openaiChat },
  'openai, responses': { own: 'responses', run: openaiResponses },
  '@anthropic-ai/sdk': { own: 'messages', run: anthropic },
  '@google/genai': { own: 'gemini', run: genai },
  'ai with openai, responses': {
    own: 'responses',
    run: vercel((model) => createOpenAI(settings('/v1'))(model)),
  },
  'ai with openai, chat': { own: 'chat', run: vercel((model) => createOpenAI(settings('/v1')).chat(model)) },
  'ai with anthropic': { own: 'messages', run: vercel((model) => createAnthropic(settings('/v1'))(model)) },
  'ai with google': {
    own: 'gemini',
    run: vercel((model) => createGoogleGenerativeAI(settings('/v1beta'))(model)),
  },
  'langchain with openai, chat': {
    own: 'chat',
    run: langchain(
      (model) =>
        new ChatOpenAI({
          model,
          apiKey: CLIENT_KEY,
          maxRetries: 0,
          useResponsesApi: false,
          configuration: { baseURL: `${world.url}/v1` },
        }),
    ),
  },
  'langchain with openai, responses': {
    own: 'responses',
    run: langchain(
      (model) =>
        new ChatOpenAI({
          model,
          apiKey: CLIENT_KEY,
          maxRetries: 0,
          useResponsesApi: true,
          configuration: { baseURL: `${world.url}/v1` },
        }),
    ),
  },
  'langchain with anthropic': {
    own: 'messages',
    run: langchain(
      (model) => new ChatAnthropic({ model, apiKey: CLIENT_KEY, maxRetries: 0, anthropicApiUrl: world.url }),
    ),
  },
  'langchain with google': {
    own: 'gemini',
    run: langchain(
      (model) => new ChatGoogleGenerativeAI({ model, apiKey: CLIENT_KEY, maxRetries: 0, baseUrl: world.url }),
    ),
  },
  '@openai/agents, responses': { own: 'responses', run: openaiAgents(true) },
  '@openai/agents, chat': { own: 'chat', run: openaiAgents(false) },
}

const rows = Object.entries(clients).flatMap(([name, { own, run }]) =>
  TARGET_NAMES.filter((target) => target !== own).map((target) => ({ name, target, run })),
)

describe.each(rows)('$name over a provider that speaks $target', ({ target, run }) => {
  test('calls a tool in a stream and answers with its result', async () => {
    const { calls, text } = await run(`${target}/tools`)
    expect(calls).toEqual([{ city: expect.any(String) }])
    expect(text).toContain('The tool returned:')
    expect(text).toContain(RESULT)
  })
})
