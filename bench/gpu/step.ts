// One step of gpu-check in a process of its own: node step.js NAME SETTINGS. Rows go to stdout.
import type { Row, StepSettings } from './results.js'
import { demo } from './steps/demo.js'
import { device } from './steps/device.js'
import { endToEnd } from './steps/end-to-end.js'
import { golden } from './steps/golden.js'
import { makeModels } from './steps/make-models.js'
import { parity } from './steps/parity.js'
import { repeat } from './steps/repeat.js'
import { suite } from './steps/suite.js'
import { tune } from './steps/tune.js'
import { wrappers } from './steps/wrappers.js'

export type Step = (settings: StepSettings, emit: (row: Row) => void) => Promise<void>

const steps: Readonly<Record<string, Step>> = {
  device,
  wrappers,
  parity,
  golden,
  suite,
  repeat,
  'make-models': makeModels,
  tune,
  'end-to-end': endToEnd,
  demo,
}

function emit(row: Row): void {
  console.log(JSON.stringify(row))
}

const [name = '', settings = ''] = process.argv.slice(2)
try {
  const step = steps[name]
  if (step === undefined) throw new TypeError(`Expected a step, one of ${Object.keys(steps).join(', ')}.`)
  await step(JSON.parse(settings) as StepSettings, emit)
} catch (error) {
  emit({ failed: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
