/** The same refusal in the manner of several vendors: shapes and telltale words by which a gateway must know them. */

import type { Refusal } from '../refusal.ts'

/** Tokens in the simulated limit and in the simulated request that breaks it. */
const LIMIT = 8192
const ASKED = 9876

type RefusalsByVendor = Readonly<Record<string, Refusal>>

function badRequest(message: string, more: Partial<Refusal> = {}): Refusal {
  return { status: 400, type: 'invalid_request_error', message, ...more }
}

/** The prompt is longer than the model can read. */
export const CONTEXT_LENGTH = {
  openai: badRequest(
    `This model's maximum context length is ${LIMIT} tokens. However, your messages resulted in ${ASKED} tokens.`,
    { code: 'context_length_exceeded', param: 'messages' },
  ),
  'openai-window': badRequest('Your input exceeds the context window of this model.', {
    code: 'context_length_exceeded',
    param: 'input',
  }),
  anthropic: badRequest(`prompt is too long: ${ASKED} tokens > ${LIMIT} maximum`),
  'anthropic-output': badRequest(
    `input length and \`max_tokens\` exceed context limit: ${ASKED} + 100 > ${LIMIT}`,
  ),
  gemini: badRequest(
    `The input token count (${ASKED}) exceeds the maximum number of tokens allowed (${LIMIT}).`,
    { type: 'INVALID_ARGUMENT', code: 400 },
  ),
  bedrock: badRequest('Input is too long for requested model.', { type: 'ValidationException' }),
  mistral: badRequest(
    `Prompt contains ${ASKED} tokens and 0 draft tokens, too large for model with ${LIMIT} maximum context length`,
    { code: 3051 },
  ),
  groq: badRequest('Please reduce the length of the messages or completion.', {
    code: 'context_length_exceeded',
    param: 'messages',
  }),
  'groq-413': badRequest('Request too large for model on tokens per minute (TPM): please reduce it.', {
    status: 413,
    type: 'tokens',
    code: 'rate_limit_exceeded',
  }),
  deepseek: badRequest(
    `This model's maximum context length is ${LIMIT} tokens. However, you requested ${ASKED} tokens.`,
  ),
  qwen: badRequest(`Range of input length should be [1, ${LIMIT}]`, {
    code: 'invalid_parameter_error',
  }),
  moonshot: badRequest(`Invalid request: Your request exceeded model token limit: ${LIMIT}`),
  zhipu: badRequest('Prompt 超长', { code: '1261' }),
  openrouter: badRequest(
    `This endpoint's maximum context length is ${LIMIT} tokens. However, you requested about ${ASKED} tokens.`,
    { code: 400 },
  ),
  together: badRequest(
    `The input must be fewer than ${LIMIT} tokens: \`inputs\` tokens + \`max_new_tokens\``,
  ),
  xai: badRequest(`This model's maximum prompt length is ${LIMIT} but the request contains ${ASKED} tokens.`),
  cohere: badRequest(`too many tokens: the total number of tokens cannot exceed ${LIMIT}`),
  vllm: badRequest(
    `This model's maximum context length is ${LIMIT} tokens, but ${ASKED} were requested. Please reduce the length of the input messages.`,
    { type: 'BadRequestError', code: 400 },
  ),
  llamacpp: badRequest(
    `the request exceeds the available context size (${LIMIT} tokens), try increasing it`,
    { type: 'exceed_context_size_error', code: 400 },
  ),
  lmstudio: badRequest(
    'Trying to keep the first tokens when context overflows. The context length is not enough.',
  ),
} as const satisfies RefusalsByVendor

/** The provider will not speak about this. */
export const CONTENT_POLICY = {
  openai: badRequest('Your request was rejected as a result of the safety system.', {
    code: 'content_policy_violation',
  }),
  azure: badRequest('The response was filtered due to the prompt triggering the content management policy.', {
    code: 'content_filter',
    param: 'prompt',
  }),
  anthropic: badRequest('Output blocked by content filtering policy'),
  qwen: badRequest('Input data may contain inappropriate content.', { code: 'DataInspectionFailed' }),
  zhipu: badRequest('系统检测到输入或生成内容可能包含不安全或敏感内容', { code: '1301' }),
  deepseek: badRequest('Content Exists Risk'),
} as const satisfies RefusalsByVendor

/** The account has no money or no quota left; waiting does not mend it. */
export const QUOTA = {
  openai: {
    status: 429,
    message: 'You exceeded your current quota, please check your plan and billing details.',
    type: 'insufficient_quota',
    anthropicType: 'rate_limit_error',
    code: 'insufficient_quota',
  },
  'openai-spend': {
    status: 429,
    message: 'The project has reached its spend limit.',
    type: 'insufficient_quota',
    anthropicType: 'rate_limit_error',
    code: 'project_spend_limit_exceeded',
  },
  anthropic: badRequest('Your credit balance is too low to access the API.'),
  deepseek: {
    status: 402,
    message: 'Insufficient Balance',
    type: 'unknown_error',
    anthropicType: 'billing_error',
    code: 'invalid_request_error',
  },
  qwen: badRequest('Access denied, please make sure your account is in good standing.', {
    code: 'Arrearage',
    type: 'Arrearage',
  }),
  openrouter: {
    status: 402,
    message: 'This request requires more credits.',
    type: 'insufficient_credits',
    anthropicType: 'billing_error',
    code: 402,
  },
} as const satisfies RefusalsByVendor
