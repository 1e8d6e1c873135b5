/** The providers known by name. One line each; where two share a key in the environment, the first gets it. */

import { anthropic } from './anthropic.ts'
import { azureAnthropic } from './azure-anthropic.ts'
import { azureOpenai } from './azure-openai.ts'
import { bedrock } from './bedrock.ts'
import { cerebras } from './cerebras.ts'
import { cohere } from './cohere.ts'
import { dashscope } from './dashscope.ts'
import { deepseek } from './deepseek.ts'
import { deepseekAnthropic } from './deepseek-anthropic.ts'
import { fireworks } from './fireworks.ts'
import { gemini } from './gemini.ts'
import { groq } from './groq.ts'
import { llamacpp } from './llamacpp.ts'
import { lmstudio } from './lmstudio.ts'
import { minimax } from './minimax.ts'
import { minimaxAnthropic } from './minimax-anthropic.ts'
import { mistral } from './mistral.ts'
import { moonshot } from './moonshot.ts'
import { moonshotAnthropic } from './moonshot-anthropic.ts'
import { nvidia } from './nvidia.ts'
import { ollama } from './ollama.ts'
import { ollamaCloud } from './ollama-cloud.ts'
import { ollamaNative } from './ollama-native.ts'
import { openai } from './openai.ts'
import { openrouter } from './openrouter.ts'
import { perplexity } from './perplexity.ts'
import { siliconflow } from './siliconflow.ts'
import { stepfun } from './stepfun.ts'
import { together } from './together.ts'
import { vertexAnthropic } from './vertex-anthropic.ts'
import { vertexGemini } from './vertex-gemini.ts'
import { vllm } from './vllm.ts'
import { volcengine } from './volcengine.ts'
import { xai } from './xai.ts'
import { zai } from './zai.ts'
import { zaiAnthropic } from './zai-anthropic.ts'
import { zhipu } from './zhipu.ts'
import { zhipuAnthropic } from './zhipu-anthropic.ts'
import { anthropicCompatible, openaiCompatible } from './compatible.ts'
import type { Provider, ProviderId } from './provider.ts'

const all: readonly Provider[] = [
  openai,
  anthropic,
  gemini,
  azureOpenai,
  azureAnthropic,
  bedrock,
  vertexGemini,
  vertexAnthropic,
  deepseek,
  groq,
  mistral,
  together,
  fireworks,
  openrouter,
  xai,
  moonshot,
  zhipu,
  zai,
  dashscope,
  minimax,
  siliconflow,
  volcengine,
  stepfun,
  cerebras,
  perplexity,
  cohere,
  nvidia,
  ollamaCloud,
  deepseekAnthropic,
  moonshotAnthropic,
  zhipuAnthropic,
  zaiAnthropic,
  minimaxAnthropic,
  ollama,
  ollamaNative,
  llamacpp,
  lmstudio,
  vllm,
  openaiCompatible,
  anthropicCompatible,
]

export const knownProviders: ReadonlyMap<ProviderId, Provider> = new Map(
  all.map((provider) => [provider.id, provider]),
)
