/** A gateway before providers of everything beside chats. */

import { type Answering, type OperationsUpstream, startOperationsUpstream } from './operations-upstream.ts'
import { startTestGateway, type TestGateway } from './gateway.ts'

export interface OperationsStage extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly url: string
  readonly one: OperationsUpstream
  readonly two: OperationsUpstream
}

export interface OperationsPlan {
  readonly one?: Answering
  readonly two?: Answering
  readonly config?: Readonly<Record<string, unknown>>
}

export const PROVIDER_KEY = 'provider-key-0123456789'

/** Providers `one` and `two` speak OpenAI's dialect, `claude` and `google` theirs; the last two are `one` under other names. */
export async function openOperations(plan: OperationsPlan = {}): Promise<OperationsStage> {
  const one = await startOperationsUpstream(plan.one)
  const two = await startOperationsUpstream(plan.two)
  const provider = (dialect: string, baseUrl: string) => ({
    dialect,
    baseUrl,
    credential: PROVIDER_KEY,
    models: ['m'],
  })
  const gateway = await startTestGateway({
    config: {
      discover: false,
      providers: {
        one: provider('openai-chat', `${one.origin}/v1`),
        two: provider('openai-chat', `${two.origin}/v1`),
        claude: provider('anthropic-messages', `${one.origin}/v1`),
        google: provider('gemini', `${one.origin}/v1beta`),
      },
      routes: { both: { targets: ['one/m', 'two/n'], retries: 1 } },
      ...plan.config,
    },
  })
  return {
    gateway,
    url: gateway.url,
    one,
    two,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()])
    },
  }
}
