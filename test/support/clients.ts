/**
 * A stage for the official client packages: a whole gateway before four upstreams, our simulator and a mock server
 * nobody here wrote, each in both dialects, and every client pointed at it as its makers document.
 */

import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { LLMock } from '@copilotkit/aimock'
import type { LanguageModel } from 'ai'
import OpenAI from 'openai'
import type { RecordedCall } from '../../src/simulator/recorded-call.ts'
import { createScenario, type ScenarioInput } from '../../src/simulator/scenario.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'

/** The upstreams by name; a model is addressed as `chat/mock` or `messages/mock`. */
export type Upstream = 'chat' | 'messages'
export type MockUpstream = 'mock-chat' | 'mock-messages'

/** The simulator as a provider of either dialect. */
export const UPSTREAMS: readonly Upstream[] = ['chat', 'messages']
/** The foreign mock server as a provider of either dialect. */
export const MOCK_UPSTREAMS: readonly MockUpstream[] = ['mock-chat', 'mock-messages']

export interface StageOptions {
  readonly scenario?: ScenarioInput
  /** The rest of the configuration: routes, keys, limits. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Prepares the foreign mock server; without it there is none. */
  readonly mock?: (mock: LLMock) => void
}

export interface Stage extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly url: string
  readonly simulator: SimulatorServer
  readonly mock: LLMock
  /** The latest POST the simulator has seen. */
  lastCall(): RecordedCall
  /** The body of that call. */
  lastBody(): JsonObject
}

/** Said by every client unless the stage demands a key. */
export const CLIENT_KEY = 'client-key-0123456789abcdef'

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const simulator = await startSimulator({ scenario: createScenario(options.scenario) })
  const mock = new LLMock({ port: 0 })
  if (options.mock) {
    options.mock(mock)
    await mock.start()
  }
  const gateway = await startTestGateway({
    config: {
      discover: false,
      ...options.config,
      providers: {
        chat: provider('openai-chat', simulator.origin),
        messages: provider('anthropic-messages', simulator.origin),
        ...(options.mock
          ? {
              'mock-chat': provider('openai-chat', mock.url),
              'mock-messages': provider('anthropic-messages', mock.url),
            }
          : {}),
      },
    },
  })
  const lastCall = () => {
    const call = simulator.calls.findLast(({ method }) => method === 'POST')
    if (call === undefined) throw new Error('no call has reached the simulator')
    return call
  }
  return {
    gateway,
    url: gateway.url,
    simulator,
    mock,
    lastCall,
    // Sound: what the gateway sends to a provider is one JSON object.
    lastBody: () => JSON.parse(Buffer.from(lastCall().body).toString()) as JsonObject,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await simulator.close()
      if (options.mock) await mock.stop()
    },
  }
}

/** One that is called however often it fails: what a client is told is looked at again and again. */
function provider(dialect: string, origin: string): object {
  const credential = 'provider-key-0123456789'
  return { dialect, baseUrl: `${origin}/v1`, credential, models: ['mock'], breaker: false }
}

/** Retries are off unless asked for, so that a test counts what it means to count. */
export interface ClientOptions {
  readonly maxRetries?: number
  readonly apiKey?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of the documented base URL. */
  readonly baseURL?: string
}

export function openAiClient(stage: Stage, options: ClientOptions = {}): OpenAI {
  return new OpenAI({
    baseURL: options.baseURL ?? `${stage.url}/v1`,
    apiKey: options.apiKey ?? CLIENT_KEY,
    maxRetries: options.maxRetries ?? 0,
    ...(options.headers === undefined ? {} : { defaultHeaders: options.headers }),
  })
}

export function anthropicClient(stage: Stage, options: ClientOptions = {}): Anthropic {
  return new Anthropic({
    baseURL: options.baseURL ?? stage.url,
    apiKey: options.apiKey ?? CLIENT_KEY,
    maxRetries: options.maxRetries ?? 0,
    ...(options.headers === undefined ? {} : { defaultHeaders: options.headers }),
  })
}

/** Vercel's AI SDK has three providers that speak our dialects. */
export type AiProvider = 'openai' | 'openai-compatible' | 'anthropic'

export const AI_PROVIDERS: readonly AiProvider[] = ['openai', 'openai-compatible', 'anthropic']

export function aiModel(stage: Stage, kind: AiProvider, modelId: string): LanguageModel {
  const settings = { baseURL: `${stage.url}/v1`, apiKey: CLIENT_KEY }
  switch (kind) {
    case 'openai':
      return createOpenAI(settings).chat(modelId)
    case 'openai-compatible':
      return createOpenAICompatible({
        ...settings,
        name: 'holdfast',
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(modelId)
    case 'anthropic':
      return createAnthropic(settings)(modelId)
  }
}

/** A red square of one pixel. */
export const PIXEL_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

/** What a promise was rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
