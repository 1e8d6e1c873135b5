/** A gateway before one simulator that is a provider of every dialect: `chat/mock`, `gemini/tools`, `bedrock/mock`, ... */

import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import { createScenario, type ScenarioInput } from '../../src/simulator/scenario.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'

/** Where the simulator answers in a dialect, below its origin. */
export const TARGETS = {
  chat: { dialect: 'openai-chat', base: '/v1' },
  messages: { dialect: 'anthropic-messages', base: '/v1' },
  responses: { dialect: 'openai-responses', base: '/v1' },
  gemini: { dialect: 'gemini', base: '/v1beta' },
  bedrock: { dialect: 'bedrock-converse', base: '' },
  cohere: { dialect: 'cohere-chat', base: '/v2' },
  ollama: { dialect: 'ollama-chat', base: '/api' },
} as const satisfies Record<string, { readonly dialect: TargetDialectId; readonly base: string }>

export type TargetName = keyof typeof TARGETS

// Sound: the keys of a literal are the names of its type.
export const TARGET_NAMES = Object.keys(TARGETS) as readonly TargetName[]

export interface EveryDialect extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly url: string
  readonly simulator: SimulatorServer
}

export interface EveryDialectOptions {
  readonly scenario?: ScenarioInput
  readonly routes?: Readonly<Record<string, unknown>>
  readonly config?: Readonly<Record<string, unknown>>
}

export async function openEveryDialect(options: EveryDialectOptions = {}): Promise<EveryDialect> {
  const simulator = await startSimulator({ scenario: createScenario(options.scenario) })
  const gateway = await startTestGateway({
    config: {
      discover: false,
      ...options.config,
      providers: Object.fromEntries(
        Object.entries(TARGETS).map(([name, { dialect, base }]) => [
          name,
          {
            dialect,
            baseUrl: simulator.origin + base,
            credential: `credential-of-${name}-0123456789`,
            models: ['mock'],
            breaker: false,
          },
        ]),
      ),
      ...(options.routes === undefined ? {} : { routes: options.routes }),
    },
  })
  return {
    gateway,
    url: gateway.url,
    simulator,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await simulator.close()
    },
  }
}
