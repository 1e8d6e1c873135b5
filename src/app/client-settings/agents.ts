/** The coding agents, each with what was seen on the real program to point it at a gateway. */

import { join } from 'node:path'
import { isJsonObject } from '../../std/json.ts'
import {
  type Client,
  type Connection,
  KEY_VARIABLE,
  keyIn,
  keyReference,
  keyVariable,
  literalKey,
  shown,
  text,
  type Variable,
} from './client.ts'
import { editContinue } from './edit-continue.ts'
import { editDotenv } from './edit-dotenv.ts'
import { editJson, type JsonEdit } from './edit-json.ts'
import { editToml } from './edit-toml.ts'
import { editYaml } from './edit-yaml.ts'

/** What stands for the name of a model nobody has said yet. */
const modelOf = ({ model }: Connection): string => model ?? 'MODEL'

/** Variables whose text is known; the key's own among them where it may be written down. */
function written(
  variables: readonly Variable[],
  { key }: Connection,
): readonly (readonly [string, string])[] {
  return variables.flatMap(({ name, value }) => {
    const said = value.type === 'text' ? value.text : literalKey(key)
    return said === undefined ? [] : [[name, said] as const]
  })
}

/** The key under the client's own name, where the files could not hold it. */
function ownKeyVariable(name: string, { key }: Connection): readonly Variable[] {
  return literalKey(key) === undefined ? [keyIn(name)] : []
}

function claudeVariables({ url, model }: Connection): readonly Variable[] {
  return [
    text('ANTHROPIC_BASE_URL', url),
    keyIn('ANTHROPIC_AUTH_TOKEN'),
    text('CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY', '1'),
    ...(model === undefined ? [] : [text('ANTHROPIC_MODEL', model)]),
  ]
}

const claudeCode: Client = {
  id: 'claude-code',
  name: 'Claude Code',
  needsModel: false,
  variables: claudeVariables,
  files: [
    {
      paths: ({ home, env }) => [join(env['CLAUDE_CONFIG_DIR'] || join(home, '.claude'), 'settings.json')],
      edit: (before, connection) =>
        editJson(
          before,
          written(claudeVariables(connection), connection).map(
            ([name, value]): JsonEdit => ({ path: ['env', name], value }),
          ),
        ),
    },
  ],
  needs: (connection) => ownKeyVariable('ANTHROPIC_AUTH_TOKEN', connection),
  start: () => 'claude',
  notes: ["It warns of model names that it does not know: give your routes names of Claude's."],
}

const codex: Client = {
  id: 'codex',
  name: 'Codex',
  needsModel: true,
  variables: () => [],
  files: [
    {
      paths: ({ home, env }) => [join(env['CODEX_HOME'] || join(home, '.codex'), 'config.toml')],
      edit(before, connection) {
        const provider = ['model_providers', 'holdfast']
        return editToml(before, [
          { table: [], key: 'model', value: modelOf(connection) },
          { table: [], key: 'model_provider', value: 'holdfast' },
          { table: provider, key: 'name', value: 'Holdfast' },
          { table: provider, key: 'base_url', value: `${connection.url}/v1` },
          { table: provider, key: 'env_key', value: KEY_VARIABLE },
          { table: provider, key: 'wire_api', value: 'responses' },
        ])
      },
    },
  ],
  // It reads the key from a variable and from nowhere else.
  needs: () => [keyIn(KEY_VARIABLE)],
  start: () => 'codex',
  notes: [],
}

function geminiVariables({ url }: Connection): readonly Variable[] {
  return [text('GOOGLE_GEMINI_BASE_URL', url), keyIn('GEMINI_API_KEY')]
}

const geminiCli: Client = {
  id: 'gemini-cli',
  name: 'Gemini CLI',
  needsModel: false,
  variables: geminiVariables,
  files: [
    {
      paths: ({ home }) => [join(home, '.gemini', '.env')],
      edit: (before, connection) => editDotenv(before, written(geminiVariables(connection), connection)),
    },
    {
      paths: ({ home }) => [join(home, '.gemini', 'settings.json')],
      edit: (before, { model }) =>
        editJson(before, [
          { path: ['security', 'auth', 'selectedType'], value: 'gemini-api-key' },
          ...(model === undefined ? [] : [{ path: ['model', 'name'], value: model }]),
        ]),
    },
  ],
  needs: (connection) => ownKeyVariable('GEMINI_API_KEY', connection),
  start: ({ model }) => (model === undefined ? 'gemini' : `gemini --model ${shown(model)}`),
  notes: [],
}

function qwenVariables(connection: Connection): readonly Variable[] {
  const { url, model } = connection
  return [
    text('OPENAI_BASE_URL', `${url}/v1`),
    keyIn('OPENAI_API_KEY'),
    ...(model === undefined ? [] : [text('OPENAI_MODEL', model)]),
  ]
}

const qwenCode: Client = {
  id: 'qwen-code',
  name: 'Qwen Code',
  needsModel: true,
  variables: qwenVariables,
  files: [
    {
      paths: ({ home }) => [join(home, '.qwen', '.env')],
      edit: (before, connection) => editDotenv(before, written(qwenVariables(connection), connection)),
    },
    {
      paths: ({ home }) => [join(home, '.qwen', 'settings.json')],
      edit: (before) => editJson(before, [{ path: ['security', 'auth', 'selectedType'], value: 'openai' }]),
    },
  ],
  needs: (connection) => ownKeyVariable('OPENAI_API_KEY', connection),
  start: ({ model }) => `qwen --auth-type openai --model ${shown(model)}`,
  notes: [],
}

const opencode: Client = {
  id: 'opencode',
  name: 'OpenCode',
  needsModel: true,
  variables: () => [],
  files: [
    {
      paths({ home, env }) {
        const directory = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'opencode')
        return [join(directory, 'opencode.jsonc'), join(directory, 'opencode.json')]
      },
      edit(before, connection) {
        const at = (...path: readonly string[]) => ['provider', 'holdfast', ...path]
        const key = keyReference(connection.key, (name) => `{env:${name}}`)
        return editJson(before, [
          {
            path: ['$schema'],
            value: (set) => (typeof set === 'string' ? set : 'https://opencode.ai/config.json'),
          },
          { path: at('npm'), value: '@ai-sdk/openai-compatible' },
          { path: at('name'), value: 'Holdfast' },
          { path: at('options', 'baseURL'), value: `${connection.url}/v1` },
          { path: at('options', 'apiKey'), value: key },
          { path: at('models', modelOf(connection)), value: (set) => (isJsonObject(set) ? set : {}) },
        ])
      },
    },
  ],
  needs: keyVariable,
  start: ({ model }) => `opencode --model holdfast/${shown(model)}`,
  notes: ['@ai-sdk/anthropic and @ai-sdk/openai work as npm, too.'],
}

const cline: Client = {
  id: 'cline',
  name: 'Cline',
  needsModel: true,
  variables: () => [],
  files: [
    {
      paths: ({ home }) => [join(home, '.cline', 'data', 'settings', 'providers.json')],
      edit(before, connection) {
        const key = literalKey(connection.key)
        const at = (...path: readonly string[]) => ['providers', 'openai-compatible', ...path]
        return editJson(before, [
          { path: ['version'], value: (set) => (typeof set === 'number' ? set : 1) },
          { path: ['lastUsedProvider'], value: 'openai-compatible' },
          { path: at('settings', 'provider'), value: 'openai-compatible' },
          ...(key === undefined ? [] : [{ path: at('settings', 'apiKey'), value: key }]),
          { path: at('settings', 'model'), value: modelOf(connection) },
          { path: at('settings', 'baseUrl'), value: `${connection.url}/v1` },
          { path: at('updatedAt'), value: (set) => (typeof set === 'string' ? set : NEVER) },
          { path: at('tokenSource'), value: 'manual' },
        ])
      },
    },
  ],
  needs: () => [],
  start: () => 'cline',
  notes: [
    'It reads the key from its own file alone: without --key - or HOLDFAST_KEY, run "cline auth -p openai" with it.',
  ],
}

/** Cline wants to know when its settings changed, and compares it with nothing. */
const NEVER = '1970-01-01T00:00:00.000Z'

const continueDev: Client = {
  id: 'continue',
  name: 'Continue',
  needsModel: true,
  variables: () => [],
  files: [
    {
      paths: ({ home }) => [join(home, '.continue', 'config.yaml')],
      edit: (before, connection) =>
        editContinue(before, {
          name: 'Holdfast',
          provider: 'openai',
          model: modelOf(connection),
          apiBase: `${connection.url}/v1`,
          apiKey: keyReference(connection.key, (name) => `\${{ secrets.${name} }}`),
        }),
    },
  ],
  needs: keyVariable,
  start: () => 'cn',
  notes: ['It finds what it calls secrets in ~/.continue/.env, too.'],
}

const copilot: Client = {
  id: 'copilot',
  name: 'Copilot CLI',
  needsModel: true,
  variables: (connection) => [
    text('COPILOT_PROVIDER_BASE_URL', `${connection.url}/v1`),
    text('COPILOT_PROVIDER_TYPE', 'openai'),
    text('COPILOT_PROVIDER_WIRE_API', 'responses'),
    keyIn('COPILOT_PROVIDER_API_KEY'),
    text('COPILOT_MODEL', modelOf(connection)),
  ],
  files: [],
  needs: () => [],
  start: () => 'copilot',
  notes: [],
}

const pi: Client = {
  id: 'pi',
  name: 'pi',
  needsModel: true,
  variables: () => [],
  files: [
    {
      paths: ({ home, env }) => [
        join(env['PI_CODING_AGENT_DIR'] || join(home, '.pi', 'agent'), 'models.json'),
      ],
      edit(before, connection) {
        const at = (name: string) => ['providers', 'holdfast', name]
        return editJson(before, [
          { path: at('baseUrl'), value: `${connection.url}/v1` },
          { path: at('api'), value: 'openai-completions' },
          { path: at('apiKey'), value: keyReference(connection.key, (name) => name) },
          {
            path: at('models'),
            value(set) {
              const id = modelOf(connection)
              const models = Array.isArray(set) ? set : []
              return models.some((model: unknown) => isJsonObject(model) && model['id'] === id)
                ? models
                : [...models, { id }]
            },
          },
        ])
      },
    },
  ],
  needs: keyVariable,
  start: ({ model }) => `pi --provider holdfast --model ${shown(model)}`,
  notes: ['api may be openai-responses, anthropic-messages or google-generative-ai, too.'],
}

/** LiteLLM inside it takes the first word for the protocol, and asks for the rest. */
const aiderModel = (connection: Connection): string => `openai/${modelOf(connection)}`

function aiderVariables(connection: Connection): readonly Variable[] {
  return [
    text('OPENAI_API_BASE', `${connection.url}/v1`),
    keyIn('OPENAI_API_KEY'),
    text('AIDER_MODEL', aiderModel(connection)),
  ]
}

const aider: Client = {
  id: 'aider',
  name: 'Aider',
  needsModel: true,
  variables: aiderVariables,
  files: [
    {
      paths: ({ home }) => [join(home, '.aider.conf.yml')],
      edit(before, connection) {
        const key = literalKey(connection.key)
        return editYaml(before, {
          'openai-api-base': `${connection.url}/v1`,
          ...(key !== undefined && { 'openai-api-key': key }),
          model: aiderModel(connection),
        })
      },
    },
  ],
  needs: (connection) => ownKeyVariable('OPENAI_API_KEY', connection),
  start: ({ model }) => `aider --model ${shown(model === undefined ? undefined : `openai/${model}`)}`,
  notes: [
    'A .aider.conf.yml of the repository, or of the folder it starts in, counts before that of the home.',
  ],
}

export const agents: readonly Client[] = [
  claudeCode,
  codex,
  geminiCli,
  opencode,
  qwenCode,
  cline,
  continueDev,
  copilot,
  pi,
  aider,
]
