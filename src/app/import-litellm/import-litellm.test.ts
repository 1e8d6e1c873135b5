import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../config/load-config.ts'
import { type ImportPlan, importLitellm } from './import-litellm.ts'
import { IMPORT_BYTES_MAX } from './located.ts'

function planOf(text: string, env: Readonly<Record<string, string>> = {}): ImportPlan {
  const imported = importLitellm({ text, file: 'litellm.yaml', env })
  if (!imported.ok) throw new Error(imported.message)
  return imported.plan
}

/** The written file as data; it has passed our own check. */
function documentOf(text: string) {
  const plan = planOf(text)
  expect(plan.faults).toEqual([])
  return parse(plan.yaml ?? 'null')
}

const model = (params: string, name = 'm') =>
  `model_list:\n  - model_name: ${name}\n    litellm_params: { ${params} }\n`

describe('providers', () => {
  test.each([
    [
      'openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY',
      'openai/gpt-4o',
      { credential: '${OPENAI_API_KEY}' },
    ],
    ['gpt-4o', 'openai/gpt-4o', { credential: '${OPENAI_API_KEY}' }],
    ...['text-embedding-3-small', 'whisper-1', 'tts-1', 'dall-e-3', 'omni-moderation-latest'].map(
      (model): [string, string, object] => [model, `openai/${model}`, { credential: '${OPENAI_API_KEY}' }],
    ),
    ['openai/responses/gpt-5', 'openai/gpt-5', { credential: '${OPENAI_API_KEY}' }],
    ['claude-sonnet-4-5', 'anthropic/claude-sonnet-4-5', { credential: '${ANTHROPIC_API_KEY}' }],
    [
      'anthropic/claude-x, api_base: https://proxy.example.com/',
      'anthropic/claude-x',
      { baseUrl: 'https://proxy.example.com/v1', credential: '${ANTHROPIC_API_KEY}' },
    ],
    ['gemini/gemini-2.5-flash, api_key: os.environ/G', 'gemini/gemini-2.5-flash', { credential: '${G}' }],
    ['groq/llama-3, api_key: gsk_abcdefgh12345678', 'groq/llama-3', { credential: 'gsk_abcdefgh12345678' }],
    [
      'together_ai/meta-llama/Llama-3',
      'together/meta-llama/Llama-3',
      { credential: '${TOGETHERAI_API_KEY}' },
    ],
    ['openrouter/google/gemini-pro', 'openrouter/google/gemini-pro', { credential: '${OPENROUTER_API_KEY}' }],
    [
      'ollama/llama3, api_base: "http://127.0.0.1:11434"',
      'ollama/llama3',
      { baseUrl: 'http://127.0.0.1:11434/v1' },
    ],
    ['ollama_chat/llama3', 'ollama/llama3', {}],
    [
      'hosted_vllm/qwen, api_base: "http://10.1.1.1:8000/v1"',
      'vllm/qwen',
      { baseUrl: 'http://10.1.1.1:8000/v1' },
    ],
    [
      'openai/qwen, api_base: "http://localhost:8000/v1", api_key: none',
      'localhost-8000/qwen',
      { dialect: 'openai-chat', baseUrl: 'http://localhost:8000/v1' },
    ],
    [
      'qwen, custom_llm_provider: openai, api_base: "https://llm.example.com/v1/chat/completions", api_key: os.environ/K',
      'llm.example.com/qwen',
      { dialect: 'openai-chat', baseUrl: 'https://llm.example.com/v1', credential: '${K}' },
    ],
    [
      'somebody/else, api_base: os.environ/BASE',
      'server/else',
      { dialect: 'openai-chat', baseUrl: '${BASE}' },
    ],
    [
      'azure/dep, api_base: "https://r.openai.azure.com/", api_version: "2024-10-21", api_key: os.environ/K',
      'azure-openai/dep',
      { baseUrl: 'https://r.openai.azure.com?api-version=2024-10-21', credential: '${K}' },
    ],
    [
      'azure/dep, api_base: os.environ/B, api_version: os.environ/V',
      'azure-openai/dep',
      { baseUrl: '${B}?api-version=${V}', credential: '${AZURE_API_KEY}' },
    ],
    [
      'azure_ai/claude-x, api_base: "https://r.services.ai.azure.com/anthropic/v1/messages", api_key: os.environ/K',
      'azure-anthropic/claude-x',
      { baseUrl: 'https://r.services.ai.azure.com/anthropic/v1/messages', credential: '${K}' },
    ],
    [
      'bedrock/converse/us.anthropic.claude-x, aws_region_name: eu-west-1',
      'bedrock/us.anthropic.claude-x',
      {
        baseUrl: 'https://bedrock-runtime.eu-west-1.amazonaws.com',
        credential: '${AWS_ACCESS_KEY_ID}:${AWS_SECRET_ACCESS_KEY}',
      },
    ],
    [
      'bedrock/amazon.nova, aws_access_key_id: os.environ/A, aws_secret_access_key: os.environ/S, aws_session_token: os.environ/T, aws_region_name: os.environ/R',
      'bedrock/amazon.nova',
      { baseUrl: 'https://bedrock-runtime.${R}.amazonaws.com', credential: '${A}:${S}:${T}' },
    ],
    [
      'vertex_ai/claude-x, vertex_project: p, vertex_location: us-east5',
      'vertex-anthropic/claude-x',
      {
        baseUrl:
          'https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic',
        credential: '${GOOGLE_CREDENTIALS}',
      },
    ],
    [
      'openai/x, organization: org-1, extra_headers: { X-Team: a }, max_parallel_requests: 4, stream_timeout: 2.5',
      'openai/x',
      {
        credential: '${OPENAI_API_KEY}',
        headers: { 'openai-organization': 'org-1', 'x-team': 'a' },
        slots: 4,
        timeouts: { firstToken: '2500ms' },
      },
    ],
  ])('model: %s', (params, target, provider) => {
    const document = documentOf(model(`model: ${params}`))
    expect(document.routes).toEqual({ m: { targets: [target] } })
    expect(document.providers).toEqual({ [target.slice(0, target.indexOf('/'))]: provider })
  })

  test('takes connections that have a name of their own', () => {
    const text = `credential_list:\n  - credential_name: eu\n    credential_values: { api_key: os.environ/EU, api_base: "https://eu.example.com/v1" }\n${model('model: openai/x, litellm_credential_name: eu')}`
    expect(documentOf(text).providers).toEqual({
      'eu.example.com': { dialect: 'openai-chat', baseUrl: 'https://eu.example.com/v1', credential: '${EU}' },
    })
  })

  test.each([
    ['a provider nobody knows', 'model: sagemaker/x', 'its provider is not known here'],
    ['a metadata service', 'model: openai/x, api_base: "http://169.254.169.254/v1"', 'is a metadata service'],
    ['an address with a password', 'model: openai/x, api_base: "http://u:p@h/v1"', 'is not an address'],
    [
      'a key that means something else here',
      'model: openai/x, api_key: "file:/etc/passwd"',
      'means something else here',
    ],
    ['a model that is a list', 'model: [a]', 'must be text'],
    ['no model', 'api_key: x', 'names no model'],
    ['a region that is none', 'model: bedrock/x, aws_region_name: "a.evil.com/"', 'is no region'],
  ])('cannot carry over %s', (_, params, message) => {
    const plan = planOf(model(params))
    expect(plan.yaml).toBeUndefined()
    expect(plan.findings).toContainEqual(
      expect.objectContaining({ verdict: 'cannot', line: 3, message: expect.stringContaining(message) }),
    )
  })

  test('says what is not set, and no key of the file in any word of the report', () => {
    const text =
      model('model: openai/x, api_key: sk-literal-0123456789, temperature: 1') +
      model('model: groq/y').slice(12)
    const plan = planOf(text)
    expect(plan.missing).toEqual(['GROQ_API_KEY'])
    expect(planOf(text, { GROQ_API_KEY: 'k' }).missing).toEqual([])
    expect(JSON.stringify(plan.findings)).not.toContain('sk-literal')
    expect(plan.findings).toContainEqual({
      verdict: 'cannot',
      line: 3,
      path: 'model_list[0].litellm_params.temperature',
      message: 'what is asked of a model is what its client asks',
    })
  })
})

describe('routes', () => {
  const list = (entries: readonly string[]) =>
    `model_list:\n${entries.map((entry) => `  - { model_name: ${entry} }\n`).join('')}`
  const two = (one: string, other: string) =>
    list([`m, litellm_params: { model: openai/a${one} }`, `m, litellm_params: { model: groq/b${other} }`])

  test.each([
    [
      'rpm',
      two(', rpm: 600', ', rpm: "300"'),
      [
        { target: 'openai/a', weight: 600 },
        { target: 'groq/b', weight: 300 },
      ],
    ],
    [
      'weight before rpm',
      two(', weight: 3, rpm: 1', ', weight: 1, rpm: 9'),
      [
        { target: 'openai/a', weight: 3 },
        { target: 'groq/b', weight: 1 },
      ],
    ],
    [
      'tpm, scaled to what a weight may be',
      two(', tpm: 10000000', ', tpm: 5000000'),
      [
        { target: 'openai/a', weight: 1_000_000 },
        { target: 'groq/b', weight: 500_000 },
      ],
    ],
    ['nothing', two('', ''), ['openai/a', 'groq/b']],
    [
      'rpm of one alone, as LiteLLM does',
      two(', rpm: 5', ''),
      [
        { target: 'openai/a', weight: 5 },
        { target: 'groq/b', weight: 0 },
      ],
    ],
    [
      'the weight of one, and not the rpm of another',
      two(', rpm: 600', ', weight: 2'),
      [
        { target: 'openai/a', weight: 0 },
        { target: 'groq/b', weight: 2 },
      ],
    ],
    [
      'rpm where every weight is 0',
      two(', weight: 0, rpm: 6', ', weight: 0, rpm: 3'),
      [
        { target: 'openai/a', weight: 6 },
        { target: 'groq/b', weight: 3 },
      ],
    ],
  ])('are balanced by %s', (_, text, targets) => {
    expect(documentOf(text).routes).toEqual({ m: { balance: 'weighted', targets } })
  })

  test.each([
    ['latency-based-routing', 'latency'],
    ['cost-based-routing', 'cheapest'],
    ['simple-shuffle', 'weighted'],
    ['least-busy', 'weighted'],
  ])('are balanced as %s says', (strategy, balance) => {
    const text = `${two('', '')}router_settings: { routing_strategy: ${strategy} }\n`
    expect(documentOf(text).routes.m.balance).toBe(balance)
  })

  const ofShares = (text: string) =>
    planOf(text).findings.flatMap(({ verdict, path, message }) =>
      /weight|rpm|tpm/.test(message) ? [`${verdict} ${path.replace('.litellm_params', '')}: ${message}`] : [],
    )
  const LIMITS = 'limits are set on keys (holdfast key create --rpm --tpm)'

  test('report what counts as a share, and what does not, as the file has it', () => {
    expect(ofShares(two(', rpm: 600', ', rpm: 300'))).toEqual(
      [0, 1].map(
        (at) =>
          `changes model_list[${at}].rpm: counts as its weight among the deployments of its name; ${LIMITS}`,
      ),
    )
    expect(ofShares(two(', rpm: 600', ', weight: 2'))).toEqual([
      `cannot model_list[0].rpm: does not count: those of its name are drawn by weight; ${LIMITS}`,
      'changes model_list[0].model: has no weight where others of its name do, and so counts 0 as LiteLLM draws: it is asked when they fail',
    ])
    const alone = `cannot model_list[0].rpm: does not count: nothing is drawn by weight; ${LIMITS}`
    expect(ofShares(model('model: openai/a, rpm: 5'))).toEqual([alone])
    expect(ofShares(model('model: openai/*, rpm: 5', 'openai/*'))).toEqual([alone])
    const latency = 'router_settings: { routing_strategy: latency-based-routing }\n'
    expect(ofShares(`${two(', weight: 2', '')}${latency}`)).toEqual([
      'cannot model_list[0].weight: does not count: nothing is drawn by weight',
    ])
  })

  test('ask those of a lower order first', () => {
    const text = two(', order: 2', ', order: 1')
    expect(documentOf(text).routes).toEqual({ m: { targets: ['groq/b', 'openai/a'] } })
  })

  test('have what follows them behind them, in a circle too', () => {
    const text = `${two('', '')}  - { model_name: n, litellm_params: { model: mistral/n } }
router_settings:
  fallbacks: [{ m: [n] }, { n: [m] }]
  context_window_fallbacks: [{ m: [n] }]
  num_retries: 1
litellm_settings:
  content_policy_fallbacks: [{ n: [m] }]
  request_timeout: 90
`
    const group = { balance: 'weighted', targets: ['openai/a', 'groq/b'] }
    const every = { retries: 1, deadline: '90s' }
    expect(documentOf(text).routes).toEqual({
      m: { targets: [group, 'n'], ...every },
      n: { targets: ['mistral/n', group], policyFallback: true, ...every },
    })
  })

  test('have other names, and what follows every model', () => {
    const text = `${list(['a, litellm_params: { model: openai/a }', 'b, litellm_params: { model: groq/b }'])}router_settings:
  model_group_alias: { x: a, y: { model: b, hidden: true }, a: b, z: gone }
  default_fallbacks: [b]
`
    expect(documentOf(text).routes).toEqual({
      a: { targets: ['openai/a', 'b'] },
      b: { targets: ['groq/b'] },
      x: { targets: ['a', 'b'] },
      y: { targets: ['b'] },
    })
  })

  test('never have more targets than can be tried', () => {
    const many = Array.from({ length: 40 }, (_, at) => `m, litellm_params: { model: openai/a${at} }`)
    const others = Array.from({ length: 40 }, (_, at) => `n, litellm_params: { model: groq/b${at} }`)
    const plan = planOf(`${list([...many, ...others])}router_settings: { fallbacks: [{ m: [n] }] }\n`)
    expect(plan.faults).toEqual([])
    expect(parse(plan.yaml ?? '').routes.m.targets).toHaveLength(32)
    expect(plan.findings).toContainEqual(
      expect.objectContaining({ line: 82, message: expect.stringContaining('more than 32 targets') }),
    )
  })

  test('are not needed for a wildcard, whose provider is enough', () => {
    const text = list([`"openai/*", litellm_params: { model: "openai/*", api_key: os.environ/K }`])
    expect(documentOf(text)).toEqual({ providers: { openai: { credential: '${K}' } } })
    expect(planOf(list([`"gpt-*", litellm_params: { model: "openai/*" }`])).yaml).toBeUndefined()
  })
})

describe('other settings', () => {
  const rest = (text: string) => planOf(`${model('model: openai/x')}${text}`)

  test('give a client key, commands for budgets, and a word on what is somewhere else', () => {
    const plan =
      rest(`litellm_settings: { drop_params: true, cache: true, callbacks: [langfuse], max_budget: 50, budget_duration: 7d }
general_settings:
  master_key: os.environ/MASTER
  database_url: os.environ/DATABASE_URL
environment_variables: { A: b }
guardrails: []
`)
    expect(plan.faults).toEqual([])
    expect(parse(plan.yaml ?? '').keys).toEqual([{ name: 'litellm-master', key: '${MASTER}' }])
    expect(plan.steps).toEqual(['holdfast budget create --for all --limit 50 --per week'])
    expect(plan.findings.map(({ line, verdict, path }) => `${line} ${verdict} ${path}`)).toEqual([
      '3 maps model_list[0].litellm_params.model',
      '4 changes litellm_settings.max_budget',
      '4 changes litellm_settings.cache',
      '4 maps litellm_settings.drop_params',
      '4 cannot litellm_settings.callbacks',
      '6 changes general_settings.master_key',
      '7 cannot general_settings.database_url',
      '8 cannot environment_variables.A',
      '9 cannot guardrails',
    ])
  })

  test('keep what was asked and answered, where LiteLLM does', () => {
    const kept = rest('general_settings: { store_prompts_in_spend_logs: true }\n')
    expect(kept.faults).toEqual([])
    expect(parse(kept.yaml ?? '').requests).toEqual({ keepBodies: true })
    expect(kept.findings).toContainEqual({
      verdict: 'maps',
      line: 4,
      path: 'general_settings.store_prompts_in_spend_logs',
      message: expect.stringContaining('requests.keepBodies: true'),
    })
    const not = rest('general_settings: { store_prompts_in_spend_logs: false }\n')
    expect(parse(not.yaml ?? '').requests).toBeUndefined()
  })

  test.each([
    ['cache: true', { default: true }, ['changes cache']],
    [
      'cache: true, cache_params: { type: redis, host: h, ttl: 600 }',
      { default: { ttl: '10m' } },
      ['maps cache_params.ttl', 'cannot cache_params.type', 'cannot cache_params.host', 'changes cache'],
    ],
    [
      'cache: true, cache_params: { ttl: 0.5, default_in_memory_ttl: 9 }',
      { default: { ttl: '1s' } },
      ['changes cache_params.ttl', 'cannot cache_params.default_in_memory_ttl', 'changes cache'],
    ],
    [
      'cache: true, cache_params: { default_in_redis_ttl: 99999999 }',
      { default: { ttl: '168h' } },
      ['changes cache_params.default_in_redis_ttl', 'changes cache'],
    ],
    [
      'cache: true, cache_params: { mode: default_off, ttl: 60 }',
      undefined,
      ['maps cache_params.ttl', 'maps cache_params.mode', 'changes cache'],
    ],
    [
      'cache: true, cache_params: { type: redis-semantic, similarity_threshold: 0.8, supported_call_types: [embedding] }',
      { default: true },
      [
        'cannot cache_params.type',
        'cannot cache_params.similarity_threshold',
        'cannot cache_params.supported_call_types',
        'changes cache',
      ],
    ],
    ['cache: false, cache_params: { ttl: 60 }', undefined, ['maps cache', 'cannot cache_params.ttl']],
  ])('of %s become the cache of all routes, with a word on each', (settings, cache, said) => {
    const plan = rest(`litellm_settings: { ${settings} }\n`)
    expect(plan.faults).toEqual([])
    expect(parse(plan.yaml ?? '').cache).toEqual(cache)
    expect(
      plan.findings
        .filter(({ line }) => line === 4)
        .map(({ verdict, path }) => `${verdict} ${path.replace('litellm_settings.', '')}`),
    ).toEqual(said)
  })

  test('give a command for the budget of each tag', () => {
    const plan = rest(`litellm_settings:
  tag_budget_config:
    product:chat-bot: { max_budget: 10, budget_duration: 1d }
    two words: { max_budget: 5, budget_duration: 30d }
    none: {}
`)
    expect(plan.steps).toEqual([
      'holdfast budget create --for tag:product:chat-bot --limit 10 --per day',
      "holdfast budget create --for 'tag:two words' --limit 5 --per month",
    ])
    expect(plan.findings.filter(({ line }) => line > 4)).toMatchObject([
      { verdict: 'changes', line: 6, path: expect.stringContaining('chat-bot.max_budget') },
      { verdict: 'changes', line: 7, path: expect.stringContaining('two words.max_budget') },
      { verdict: 'cannot', line: 8, message: 'is no budget without max_budget' },
    ])
  })

  test('leave a master key that stands in the file where it is', () => {
    const plan = rest('general_settings: { master_key: sk-1234 }\n')
    expect(plan.yaml).not.toContain('keys:')
    expect(JSON.stringify(plan)).not.toContain('sk-1234')
  })
})

describe('prices', () => {
  const local = 'model: hosted_vllm/qwen, api_base: "http://10.1.1.1:8000/v1"'
  const pricesOf = (text: string) => documentOf(text).providers?.vllm?.prices
  const saidOf = (text: string, field: string) =>
    planOf(text)
      .findings.filter(({ path }) => path.endsWith(field))
      .map(({ verdict, message }) => `${verdict} ${message}`)

  test.each([
    ['0.0000025', '0.00001', { input: 2.5, output: 10 }],
    ['1.1e-06', '"4.4e-6"', { input: 1.1, output: 4.4 }],
    ['0.0000001', '0.0000021', { input: 0.1, output: 2.1 }],
    ['0', '0.0', { input: 0, output: 0 }],
  ])('of one token, %s and %s, become those of a million', (input, output, prices) => {
    const text = model(`${local}, input_cost_per_token: ${input}, output_cost_per_token: ${output}`)
    expect(pricesOf(text)).toEqual({ qwen: prices })
    expect(saidOf(text, '.input_cost_per_token')).toEqual([
      `maps providers.vllm.prices.qwen.input: ${prices.input} for a million tokens`,
    ])
  })

  test('of caches and reasoning have their fields, and model_info says what litellm_params do not', () => {
    const text = `${model(`${local}, input_cost_per_token: 1e-6, cache_read_input_token_cost: 1e-7, cache_creation_input_token_cost: 1.25e-6, output_cost_per_reasoning_token: 3e-6`)}    model_info: { input_cost_per_token: 9e-6, output_cost_per_token: 2e-6, input_cost_per_second: 1 }\n`
    expect(pricesOf(text)).toEqual({
      qwen: { input: 1, output: 2, cacheRead: 0.1, cacheWrite: 1.25, reasoning: 3 },
    })
    expect(saidOf(text, '.input_cost_per_second')).toEqual([
      expect.stringContaining('cannot prices here are'),
    ])
    expect(saidOf(text, '.output_cost_per_token')).toEqual([expect.stringContaining('maps')])
  })

  test('of which two are said of one model are the dearer', () => {
    const one = `${local}, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6, cache_read_input_token_cost: 5e-7`
    const other = `${local}, input_cost_per_token: 3e-6, output_cost_per_token: 1e-6`
    const text = model(one) + model(other, 'n').slice(12)
    expect(pricesOf(text)).toEqual({ qwen: { input: 3, output: 2, cacheRead: 3 } })
    expect(saidOf(text, '.input_cost_per_token')).toEqual([
      'changes providers.vllm.prices.qwen.input: 3 for a million tokens: another entry makes it dearer than 1, and the dearer counts',
      'maps providers.vllm.prices.qwen.input: 3 for a million tokens',
    ])
  })

  test('of a wildcard are those of all other models', () => {
    const text = model(
      'model: "hosted_vllm/*", api_base: "http://10.1.1.1:8000/v1", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6',
      '"vllm/*"',
    )
    expect(pricesOf(text)).toEqual({ '*': { input: 1, output: 2 } })
  })

  test('are whole or not there: what is not known is never free', () => {
    const half = model(`${local}, input_cost_per_token: 1e-6`)
    expect(pricesOf(half)).toBeUndefined()
    expect(saidOf(half, '.input_cost_per_token')).toEqual([
      expect.stringContaining('cannot prices need both'),
    ])
    expect(pricesOf(`${half}    model_info: { mode: embedding }\n`)).toEqual({
      qwen: { input: 1, output: 0 },
    })
    const known = model('model: openai/gpt-4o, input_cost_per_token: 2e-6')
    expect(documentOf(known).providers.openai.prices).toEqual({ 'gpt-4o': { input: 2, output: 10 } })
    expect(saidOf(known, '.input_cost_per_token')).toEqual([expect.stringMatching(/^changes .*output: 10,/)])
  })

  test.each(['__proto__', 'constructor', 'qwen-*'])(
    'of a model called %s are said to have no place',
    (name) => {
      const text = model(`model: "openai/${name}", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6`)
      expect(documentOf(text).providers.openai.prices).toBeUndefined()
      expect(saidOf(text, '.input_cost_per_token')).toEqual([
        expect.stringContaining('cannot prices are of one'),
      ])
    },
  )

  test('that were meant of a million tokens are no prices of one', () => {
    const text = model(`${local}, input_cost_per_token: 2.5, output_cost_per_token: 10`)
    expect(pricesOf(text)).toBeUndefined()
    expect(saidOf(text, '.input_cost_per_token')).toEqual([expect.stringContaining('cannot is more than')])
  })
})

describe('budgets', () => {
  const budgetOf = (duration: string) =>
    planOf(`${model('model: openai/x')}litellm_settings: { max_budget: 10, budget_duration: ${duration} }\n`)

  test.each([
    ['24h', 'day'],
    ['1d', 'day'],
    ['168h', 'week'],
    ['7d', 'week'],
    ['1w', 'week'],
    ['30d', 'month'],
    ['1mo', 'month'],
    ['null', 'total'],
  ])('of %s are of a %s', (duration, period) => {
    const { steps, findings } = budgetOf(duration)
    expect(steps).toEqual([`holdfast budget create --for all --limit 10 --per ${period}`])
    expect(findings.filter(({ path }) => path.endsWith('budget_duration'))).toEqual([])
  })

  test.each([
    ['1h', 'day'],
    ['12h', 'day'],
    ['2d', 'week'],
    ['14d', 'month'],
    ['90d', 'total'],
    ['2mo', 'total'],
  ])('of %s are of a %s, which never lets more be spent, and it is said', (duration, period) => {
    const { steps, findings } = budgetOf(duration)
    expect(steps).toEqual([`holdfast budget create --for all --limit 10 --per ${period}`])
    expect(findings).toContainEqual({
      verdict: 'changes',
      line: 4,
      path: 'litellm_settings.budget_duration',
      message: expect.stringContaining(`there is no period of ${duration} here: it became 10 `),
    })
  })

  test.each(['os.environ/PERIOD', 'soon', '0d', '-1d', '1y'])('of %s are none', (duration) => {
    const { steps, findings } = budgetOf(duration)
    expect(steps).toEqual([])
    expect(findings).toContainEqual(
      expect.objectContaining({ verdict: 'cannot', path: 'litellm_settings.budget_duration' }),
    )
  })
})

describe('secrets', () => {
  const shown = (params: string, of = 'openai') =>
    planOf(model(`model: ${of}/x, ${params}`)).yamlWithoutSecrets ?? ''
  const token = 'Zk4_'.repeat(40)

  test.each([
    ['a token behind a space, in a long line', `extra_headers: { Authorization: "Bearer ${token}" }`],
    ['a cookie', `extra_headers: { Cookie: "session=${token}" }`],
    ['a header whose name tells nothing', `headers: { x-auth: ${token}, x-team: ${token} }`],
    ['an organization', `organization: ${token}`],
    ['a key', `api_key: ${token}`],
    ['a key in an address', `api_base: "https://h.example.com/v1?key=${token}"`, 'bedrock'],
  ])('%s is in the written file alone', (_, params, of = 'openai') => {
    expect(shown(params, of)).not.toContain('Zk4_')
    expect(shown(params, of)).toContain('…')
    expect(planOf(model(`model: ${of}/x, ${params}`)).yaml).toContain(token)
  })

  test('a secret beside a reference is not shown, and references are', () => {
    const aws = (secret: string) =>
      planOf(
        model(
          `model: bedrock/x, aws_region_name: eu-west-1, aws_access_key_id: os.environ/A, aws_secret_access_key: ${secret}`,
        ),
      )
    expect(aws(token).yaml).toContain(`\${A}:${token}`)
    expect(aws(token).yamlWithoutSecrets).not.toContain('Zk4_')
    expect(aws('os.environ/S').yamlWithoutSecrets).toContain('${A}:${S}')
    expect(shown('extra_headers: { x-auth: os.environ/AUTH }')).toContain('${AUTH}')
  })
})

describe('hostile files', () => {
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\n${Array.from(
    { length: 9 },
    (_, at) =>
      `${String.fromCharCode(98 + at)}: &${String.fromCharCode(98 + at)} [${Array(10)
        .fill(`*${String.fromCharCode(97 + at)}`)
        .join(', ')}]`,
  ).join('\n')}\n`

  test.each([
    ['an alias inside of what it stands for', 'a: &a { b: *a }\n', 'an alias stands inside'],
    ['aliases that multiply', bomb, 'values, aliases counted each time'],
    ['deep nesting', `${'['.repeat(60)}${']'.repeat(60)}`, 'nested deeper than'],
    ['nesting beyond any stack', '['.repeat(100_000), ''],
    ['a file too large', `# ${'x'.repeat(IMPORT_BYTES_MAX)}`, 'larger than 4 MiB'],
    ['broken YAML', 'a: [\n', 'not valid YAML'],
    ['a list', '- a\n', 'no set of fields'],
    ['nothing', '', 'no set of fields'],
  ])('%s is refused with a message', (_, text, message) => {
    const imported = importLitellm({ text, file: 'x', env: {} })
    expect(imported).toMatchObject({ ok: false, message: expect.stringContaining(message) })
  })

  test('merge keys count as LiteLLM reads them, and their lines are where they stand', () => {
    const text = `base: &base\n  api_key: os.environ/K\n  model: openai/old\nmodel_list:\n  - model_name: m\n    litellm_params:\n      <<: *base\n      model: openai/new\n`
    expect(documentOf(text)).toEqual({
      providers: { openai: { credential: '${K}' } },
      routes: { m: { targets: ['openai/new'] } },
    })
  })

  test('a variable that is a key and a word passes our own check', () => {
    const text =
      'model_list: [{ model_name: m, litellm_params: { model: azure/c, api_version: os.environ/OK } }]\ngeneral_settings: { master_key: os.environ/OK }\n'
    expect(importLitellm({ text, file: 'f', env: {} })).toMatchObject({ ok: true, plan: { faults: [] } })
  })

  test('whatever the fields hold, nothing is thrown and what is written passes our own check', () => {
    const texts =
      '|a b|*|x/*|__proto__|constructor|${X}|os.environ/|os.environ/A B|os.environ/OK|file:x|openai/gpt-4o|azure/x|groq/y|x\ny|ü|m|n|-1|1e99|http://h/v1|https://api.openai.com/v1|http://127.0.0.1:4141/v1|ftp://x|http://h/?a=b|:|.'
    const others = [null, true, -1, 0, 1, 1e12, Number.NaN, [], {}, ['m'], { m: ['n'] }, [{ m: ['n'] }]]
    const odd = fc.oneof(
      fc.constantFrom<unknown>(...texts.split('|'), 'x'.repeat(300), ...others, [{ n: ['m', 'n'] }]),
      fc.string({ maxLength: 8 }),
    )
    const names = (list: string) => fc.dictionary(fc.constantFrom(...list.split(' ')), odd, { maxKeys: 6 })
    const params = names(
      'api_key api_base api_version rpm tpm weight order timeout stream_timeout organization extra_headers headers ' +
        'custom_llm_provider max_parallel_requests aws_region_name aws_access_key_id vertex_project vertex_location ' +
        'vertex_credentials max_budget budget_duration litellm_credential_name input_cost_per_token output_cost_per_token ' +
        'cache_read_input_token_cost',
    )
    const entry = fc.record({
      model_name: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom('m', 'n', 'openai/gpt-4o') },
        { weight: 1, arbitrary: odd },
      ),
      litellm_params: fc
        .tuple(
          params,
          fc.oneof(
            {
              weight: 3,
              arbitrary: fc.constantFrom(
                'openai/a',
                'groq/b',
                'azure/c',
                'claude-x',
                'bedrock/d',
                'vertex_ai/e',
                'x/y',
                'ollama/z',
                'openai/__proto__',
              ),
            },
            { weight: 1, arbitrary: odd },
          ),
        )
        .map(([rest, of]) => ({ ...rest, model: of })),
    })
    const file = fc.record({
      model_list: fc.array(fc.oneof({ weight: 5, arbitrary: entry }, { weight: 1, arbitrary: odd }), {
        maxLength: 6,
      }),
      router_settings: names(
        'routing_strategy fallbacks context_window_fallbacks num_retries timeout model_group_alias default_fallbacks',
      ),
      litellm_settings: names(
        'num_retries request_timeout fallbacks max_budget set_verbose cache cache_params tag_budget_config',
      ),
      general_settings: names('master_key database_url store_prompts_in_spend_logs'),
    })
    let written = 0
    fc.assert(
      fc.property(file, (value) => {
        const imported = importLitellm({ text: stringify(value), file: 'f', env: {} })
        if (!imported.ok || imported.plan.yaml === undefined) return
        written += 1
        expect(imported.plan.faults).toEqual([])
      }),
      { numRuns: 1_000 },
    )
    expect(written).toBeGreaterThan(300)
  })
})

test('a whole file, of the kind people have, becomes one that a gateway starts with', () => {
  const env = { OPENAI_API_KEY: 'k-openai', AZURE_KEY: 'k-azure', LITELLM_MASTER_KEY: 'Kq7-3vbn29xmw81pz' }
  const text = `model_list:
  - model_name: gpt-4o
    litellm_params: { model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, rpm: 500 }
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_base: https://eu.openai.azure.com
      api_key: os.environ/AZURE_KEY
      rpm: 1000
  - model_name: embed
    litellm_params: { model: openai/text-embedding-3-small, api_key: os.environ/OPENAI_API_KEY }
    model_info: { mode: embedding }
router_settings: { routing_strategy: simple-shuffle, num_retries: 2 }
general_settings: { master_key: os.environ/LITELLM_MASTER_KEY }
`
  const plan = planOf(text, env)
  expect(plan.missing).toEqual([])
  const loaded = loadConfig({ text: plan.yaml ?? '', env })
  expect(loaded.ok && loaded.config.routes.map(({ name, targets }) => [name, ...targets])).toEqual([
    ['gpt-4o', 'openai/gpt-4o', 'azure-openai/gpt-4o'],
    ['embed', 'openai/text-embedding-3-small'],
  ])
})
