/** StepFun. */

import { hostedOpenai } from './define-provider.ts'

export const stepfun = hostedOpenai({
  id: 'stepfun',
  name: 'StepFun',
  baseUrl: 'https://api.stepfun.com/v1',
  environmentKeys: ['STEPFUN_API_KEY', 'STEP_API_KEY'],
  modelPrefixes: ['step-'],
  exampleModel: 'step-3.5-flash',
  documentation: 'https://platform.stepfun.com/docs/en/api-reference/chat/chat-completion-create',
})
