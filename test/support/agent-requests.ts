/** Small requests in the shapes that coding agents send: the fields, roles and tools they have, with words of our own. */

import { PIXEL_PNG } from './clients.ts'

const path = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] }

/** Claude Code: a system turn inside of messages, attribution, adaptive thinking, a deferred tool. */
export const CLAUDE_CODE = {
  headers: {
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24',
    'anthropic-dangerous-direct-browser-access': 'true',
    'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)',
    'x-app': 'cli',
    'x-stainless-lang': 'js',
    'x-stainless-package-version': '0.128.0',
    'x-stainless-retry-count': '0',
    'x-claude-code-session-id': 'session-of-claude-code',
  },
  body: {
    max_tokens: 32_000,
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.d3e; cc_entrypoint=sdk-cli;' },
      { type: 'text', text: 'You write code.', cache_control: { type: 'ephemeral' } },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Read the file, please.' }] },
      {
        role: 'system',
        content: [{ type: 'text', text: 'The folder is empty.', cache_control: { type: 'ephemeral' } }],
      },
    ],
    tools: [
      { name: 'Read', description: 'Reads a file.', input_schema: path },
      {
        name: 'DeferredToolPlaceholder',
        description: 'Stands for tools that are looked up.',
        input_schema: { type: 'object', properties: {} },
        defer_loading: true,
      },
    ],
    metadata: { user_id: '{"device_id":"0","session_id":"0"}' },
    thinking: { type: 'adaptive', display: 'omitted' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'high' },
    stream: true,
  },
}

/** Codex: developer items with ids, a namespace of tools, a search of the provider, encrypted reasoning, nothing stored. */
export const CODEX = {
  headers: {
    originator: 'codex_exec',
    'user-agent': 'codex_exec/0.169.0',
    'session-id': 'session-of-codex',
    'thread-id': 'thread-of-codex',
    'x-client-request-id': 'request-of-codex',
    'x-codex-turn-metadata': JSON.stringify({ session_id: 'session-of-codex', notes: 'n'.repeat(850) }),
  },
  body: {
    stream: true,
    input: [
      {
        type: 'message',
        id: 'msg_1',
        role: 'developer',
        content: [{ type: 'input_text', text: 'You run commands.' }],
      },
      {
        type: 'message',
        id: 'msg_2',
        role: 'user',
        content: [{ type: 'input_text', text: 'List the folder.' }],
      },
    ],
    tools: [
      {
        type: 'function',
        name: 'exec_command',
        description: 'Runs a command.',
        strict: false,
        parameters: { type: 'object', properties: { cmd: { type: 'string' } }, required: ['cmd'] },
      },
      {
        type: 'namespace',
        name: 'multi_agent_v1',
        description: 'Other agents.',
        tools: [
          { type: 'function', name: 'spawn', description: 'Starts one.', strict: false, parameters: path },
        ],
      },
      { type: 'web_search', external_web_access: true },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { summary: 'auto' },
    store: false,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'cache-of-codex',
    client_metadata: { turn_id: 'turn-of-codex' },
  },
}

/** The next turn of Codex: the call and its result with ids of its own. */
export const CODEX_RESULT = [
  {
    type: 'function_call',
    id: 'fc_1',
    status: 'completed',
    name: 'exec_command',
    arguments: '{"cmd":"ls"}',
    call_id: 'call_1',
  },
  { type: 'function_call_output', id: 'fco_1', call_id: 'call_1', output: 'readme and nothing else' },
]

/** Gemini CLI: thoughts wanted, tools by JSON Schema. */
export const GEMINI_CLI = {
  headers: {
    'user-agent': 'GeminiCLI-tui/0.61.0',
    'x-goog-api-client': 'google-genai-sdk/1.30.0 gl-node/v24',
  },
  body: {
    contents: [{ role: 'user', parts: [{ text: 'You are in a folder.' }, { text: 'List it.' }] }],
    systemInstruction: { role: 'user', parts: [{ text: 'You run commands.' }] },
    tools: [
      {
        functionDeclarations: [
          { name: 'run_shell_command', description: 'Runs a command.', parametersJsonSchema: path },
        ],
      },
    ],
    generationConfig: { temperature: 1, topP: 0.95, topK: 64, thinkingConfig: { includeThoughts: true } },
  },
}

/** Qwen Code, Cline, Continue, OpenCode, pi: plain chat with usage in the stream, and schemas that Google does not know. */
export const PLAIN_CHAT = {
  headers: { 'user-agent': 'QwenCode/0.24.4 (linux; x64)' },
  body: {
    messages: [
      { role: 'system', content: 'You write code.' },
      { role: 'user', content: 'Wait a little.' },
    ],
    max_tokens: 32_000,
    stream: true,
    stream_options: { include_usage: true },
    tools: [
      {
        type: 'function',
        function: {
          name: 'wait',
          description: 'Waits.',
          parameters: {
            $schema: 'http://json-schema.org/draft-07/schema#',
            type: 'object',
            properties: {
              seconds: { type: 'number', exclusiveMinimum: 0 },
              reason: { anyOf: [{ type: 'string' }, { type: 'null' }] },
            },
            required: ['seconds'],
            additionalProperties: false,
          },
        },
      },
    ],
  },
}

/** Copilot CLI: sampling parameters that some models refuse. */
export const COPILOT = {
  headers: { 'user-agent': 'OpenAI/JS 5.20.1', 'x-initiator': 'user' },
  body: {
    messages: PLAIN_CHAT.body.messages,
    tools: PLAIN_CHAT.body.tools,
    temperature: 0,
    top_p: 0.95,
    frequency_penalty: 0,
    presence_penalty: 0,
    stream: true,
    stream_options: { include_usage: true },
  },
}

/** A turn with a picture, in Anthropic's dialect. */
export const PICTURE_TURN = {
  role: 'user',
  content: [
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL_PNG } },
    { type: 'text', text: 'What is this?' },
  ],
}
