/** The dialects the simulator speaks. A new one is a reader, an encoder and an entry here. */

import { anthropicAnswer, anthropicPieces, anthropicTokenCount } from './encode-anthropic.ts'
import { bedrockAnswer, bedrockPieces, bedrockQuiet, bedrockTokenCount } from './encode-bedrock.ts'
import { cohereAnswer, coherePieces, cohereQuiet, endPiece } from './encode-cohere.ts'
import { completionsAnswer, completionsPieces, completionsQuiet } from './encode-completions.ts'
import { geminiAnswer, geminiPieces, geminiQuiet, geminiTokenCount } from './encode-gemini.ts'
import { ollamaAnswer, ollamaPieces, ollamaQuiet } from './encode-ollama.ts'
import { openAiAnswer, openAiPieces } from './encode-openai.ts'
import {
  responsesAnswer,
  responsesFailure,
  responsesPieces,
  responsesQuiet,
  responsesTokenCount,
} from './encode-responses.ts'
import type { StreamPiece } from './piece.ts'
import { anthropicProblem, readAnthropic } from './read-anthropic.ts'
import { bedrockProblem, readBedrock } from './read-bedrock.ts'
import { readCohere } from './read-cohere.ts'
import { geminiProblem, readGemini } from './read-gemini.ts'
import { readOllama } from './read-ollama.ts'
import { messagesProblem, readCompletions, readOpenAi } from './read-openai.ts'
import { readResponses, responsesProblem } from './read-responses.ts'
import {
  anthropicRefusal,
  awsException,
  bedrockRefusal,
  cohereRefusal,
  geminiRefusal,
  ollamaRefusal,
  openAiRefusal,
} from './refusal-bodies.ts'
import type { SimulatedDialect } from './request.ts'
import type { Voice } from './voice.ts'

/** An event without a name that holds this object. */
function unnamed(value: object): StreamPiece {
  return { kind: 'other', data: JSON.stringify(value), tokens: 0 }
}

const openaiChat: Voice = {
  dialect: 'openai-chat',
  framing: 'sse',
  idPrefixes: { answer: 'chatcmpl-', toolCall: 'call_' },
  requestIdHeader: 'x-request-id',
  read: readOpenAi,
  problem: messagesProblem,
  answer: openAiAnswer,
  pieces: openAiPieces,
  refuse: openAiRefusal,
  errorPiece: (refusal) => unnamed(openAiRefusal(refusal).body),
  quietPiece: () => unnamed({ object: 'chat.completion.chunk', choices: [] }),
}

const anthropicMessages: Voice = {
  dialect: 'anthropic-messages',
  framing: 'sse',
  idPrefixes: { answer: 'msg_', toolCall: 'toolu_' },
  requestIdHeader: 'request-id',
  read: readAnthropic,
  problem: anthropicProblem,
  answer: anthropicAnswer,
  pieces: anthropicPieces,
  tokenCount: anthropicTokenCount,
  refuse: anthropicRefusal,
  errorPiece: (refusal, { id }) => ({ ...unnamed(anthropicRefusal(refusal, id).body), event: 'error' }),
  quietPiece: () => ({ ...unnamed({ type: 'ping' }), event: 'ping' }),
}

const openaiResponses: Voice = {
  dialect: 'openai-responses',
  framing: 'sse',
  idPrefixes: { answer: 'resp_', toolCall: 'call_' },
  requestIdHeader: 'x-request-id',
  read: readResponses,
  problem: responsesProblem,
  answer: responsesAnswer,
  pieces: responsesPieces,
  tokenCount: responsesTokenCount,
  refuse: openAiRefusal,
  errorPiece: responsesFailure,
  quietPiece: responsesQuiet,
}

const gemini: Voice = {
  dialect: 'gemini',
  framing: 'sse-crlf',
  idPrefixes: { answer: 'resp-', toolCall: 'call_' },
  read: readGemini,
  problem: geminiProblem,
  answer: geminiAnswer,
  pieces: geminiPieces,
  tokenCount: geminiTokenCount,
  refuse: geminiRefusal,
  errorPiece: (refusal) => unnamed(geminiRefusal(refusal).body),
  quietPiece: geminiQuiet,
}

const openaiCompletions: Voice = {
  dialect: 'openai-completions',
  framing: 'sse',
  idPrefixes: { answer: 'cmpl-', toolCall: 'call_' },
  requestIdHeader: 'x-request-id',
  read: readCompletions,
  answer: completionsAnswer,
  pieces: completionsPieces,
  refuse: openAiRefusal,
  errorPiece: (refusal) => unnamed(openAiRefusal(refusal).body),
  quietPiece: completionsQuiet,
}

const bedrockConverse: Voice = {
  dialect: 'bedrock-converse',
  framing: 'eventstream',
  idPrefixes: { answer: 'bedrock-', toolCall: 'tooluse_' },
  requestIdHeader: 'x-amzn-requestid',
  read: readBedrock,
  problem: bedrockProblem,
  answer: bedrockAnswer,
  pieces: bedrockPieces,
  tokenCount: bedrockTokenCount,
  refuse: bedrockRefusal,
  errorPiece: (refusal) => {
    const name = awsException(refusal)
    const event = name.charAt(0).toLowerCase() + name.slice(1)
    return { ...unnamed({ message: refusal.message }), event, isException: true }
  },
  quietPiece: bedrockQuiet,
}

const cohereChat: Voice = {
  dialect: 'cohere-chat',
  framing: 'sse',
  idPrefixes: { answer: 'chat-', toolCall: 'tool_' },
  requestIdHeader: 'x-debug-trace-id',
  read: readCohere,
  problem: messagesProblem,
  answer: cohereAnswer,
  pieces: coherePieces,
  refuse: cohereRefusal,
  errorPiece: ({ message }) => ({ ...endPiece({ finish_reason: 'ERROR', error: message }), kind: 'other' }),
  quietPiece: cohereQuiet,
}

const ollamaChat: Voice = {
  dialect: 'ollama-chat',
  framing: 'ndjson',
  idPrefixes: { answer: 'ollama-', toolCall: 'call_' },
  read: readOllama,
  answer: ollamaAnswer,
  pieces: ollamaPieces,
  refuse: ollamaRefusal,
  errorPiece: (refusal) => unnamed(ollamaRefusal(refusal).body),
  quietPiece: ollamaQuiet,
}

export const voices: Readonly<Record<SimulatedDialect, Voice>> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
  'openai-responses': openaiResponses,
  gemini,
  'openai-completions': openaiCompletions,
  'bedrock-converse': bedrockConverse,
  'cohere-chat': cohereChat,
  'ollama-chat': ollamaChat,
}
