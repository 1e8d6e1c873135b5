/** What LiteLLM calls providers, and what stands for them here. */

import { knownProviders } from '../../providers/index.ts'

export interface ProviderMatch {
  /** A provider known by name, or the dialect of a server that is known by its address alone. */
  readonly known?: string
  readonly dialect?: 'openai-chat' | 'anthropic-messages' | 'ollama-chat'
  readonly modelId: string
  /** The variable that LiteLLM reads its key from where the file gives none. */
  readonly keyVariable?: string
  /** What is said where it is not quite the same. */
  readonly change?: string
  /** Appended to an address as LiteLLM has it, which does not end with the version. */
  readonly suffix?: string
}

interface Row {
  readonly known: string
  readonly keyVariable?: string
  readonly suffix?: string
  readonly change?: string
}

const rows: Readonly<Record<string, Row>> = {
  openai: { known: 'openai', keyVariable: 'OPENAI_API_KEY' },
  'text-completion-openai': { known: 'openai', keyVariable: 'OPENAI_API_KEY' },
  azure: { known: 'azure-openai', keyVariable: 'AZURE_API_KEY' },
  azure_ai: { known: 'azure-openai', keyVariable: 'AZURE_AI_API_KEY' },
  anthropic: { known: 'anthropic', keyVariable: 'ANTHROPIC_API_KEY', suffix: '/v1' },
  gemini: { known: 'gemini', keyVariable: 'GEMINI_API_KEY' },
  vertex_ai: { known: 'vertex-gemini' },
  vertex_ai_beta: { known: 'vertex-gemini' },
  bedrock: { known: 'bedrock' },
  bedrock_converse: { known: 'bedrock' },
  mistral: { known: 'mistral', keyVariable: 'MISTRAL_API_KEY' },
  groq: { known: 'groq', keyVariable: 'GROQ_API_KEY' },
  together_ai: { known: 'together', keyVariable: 'TOGETHERAI_API_KEY' },
  fireworks_ai: { known: 'fireworks', keyVariable: 'FIREWORKS_AI_API_KEY' },
  openrouter: { known: 'openrouter', keyVariable: 'OPENROUTER_API_KEY' },
  xai: { known: 'xai', keyVariable: 'XAI_API_KEY' },
  deepseek: { known: 'deepseek', keyVariable: 'DEEPSEEK_API_KEY' },
  moonshot: { known: 'moonshot', keyVariable: 'MOONSHOT_API_KEY' },
  zai: { known: 'zai', keyVariable: 'ZAI_API_KEY' },
  dashscope: { known: 'dashscope', keyVariable: 'DASHSCOPE_API_KEY' },
  minimax: { known: 'minimax', keyVariable: 'MINIMAX_API_KEY' },
  volcengine: { known: 'volcengine', keyVariable: 'VOLCENGINE_API_KEY' },
  cerebras: { known: 'cerebras', keyVariable: 'CEREBRAS_API_KEY' },
  perplexity: { known: 'perplexity', keyVariable: 'PERPLEXITYAI_API_KEY' },
  cohere: { known: 'cohere', keyVariable: 'COHERE_API_KEY' },
  cohere_chat: { known: 'cohere', keyVariable: 'COHERE_API_KEY' },
  nvidia_nim: { known: 'nvidia', keyVariable: 'NVIDIA_NIM_API_KEY' },
  siliconflow: { known: 'siliconflow', keyVariable: 'SILICONFLOW_API_KEY' },
  ollama: { known: 'ollama', suffix: '/v1' },
  ollama_chat: { known: 'ollama', suffix: '/v1' },
  lm_studio: { known: 'lmstudio' },
  hosted_vllm: { known: 'vllm' },
  vllm: { known: 'vllm' },
}

/** Servers that are known by their address and speak OpenAI's dialect. */
const byAddress: ReadonlySet<string> = new Set([
  'openai_like',
  'custom_openai',
  'litellm_proxy',
  'llamafile',
  'xinference',
])

/** `undefined` where the provider is not known; `prefix` is then what it is called. */
export function matchProvider(
  model: string,
  custom: string | undefined,
): ProviderMatch | { readonly unknown: string; readonly modelId: string } {
  const { prefix, modelId } = takeApart(model, custom)
  if (prefix === undefined) return matchBareModel(modelId)
  if (byAddress.has(prefix)) return { dialect: 'openai-chat', modelId }
  const row = Object.hasOwn(rows, prefix) ? rows[prefix] : undefined
  if (row === undefined) return { unknown: prefix, modelId }
  return { ...row, ...refine(prefix, modelId) }
}

/** `custom_llm_provider` names the provider where it is given, and the model may name it again. */
function takeApart(model: string, custom: string | undefined) {
  const slash = model.indexOf('/')
  const word = slash === -1 ? undefined : model.slice(0, slash)
  const rest = model.slice(slash + 1)
  if (custom === undefined || custom === '') return { prefix: word, modelId: rest }
  return { prefix: custom, modelId: word === custom ? rest : model }
}

/** Prefixes within the name that choose an API rather than a model. */
function refine(prefix: string, modelId: string): Partial<ProviderMatch> & { readonly modelId: string } {
  switch (prefix) {
    case 'bedrock':
      return {
        modelId: modelId
          .replace(/^(?:converse|converse_like|invoke)\//, '')
          .replace(/^[a-z]{2}(?:-[a-z]+)+-\d\//, ''),
      }
    case 'openai':
    case 'azure':
      return { modelId: modelId.replace(/^responses\//, '') }
    case 'vertex_ai':
    case 'vertex_ai_beta':
      return modelId.startsWith('claude-') ? { known: 'vertex-anthropic', modelId } : { modelId }
    case 'azure_ai':
      return modelId.startsWith('claude-') ? { known: 'azure-anthropic', modelId } : { modelId }
    default:
      return { modelId }
  }
}

/** Without a prefix LiteLLM knows the model by name; so do providers here, by how their makers' names begin. */
function matchBareModel(
  modelId: string,
): ProviderMatch | { readonly unknown: string; readonly modelId: string } {
  for (const [id, row] of Object.entries(rows)) {
    const prefixes = knownProviders.get(row.known)?.modelPrefixes ?? []
    if (!id.includes('text-completion') && prefixes.some((prefix) => modelId.startsWith(prefix)))
      return { ...row, modelId }
  }
  return { unknown: '', modelId }
}
